#include "settings/recipe_checks.h"

#include <cstdint>

#include "core/files/json.h"
#include "core/hash/sha256.h"
#include "settings/member.h"
#include "settings/names.h"

namespace resolute::settings {
namespace {

//! The package's worker makes a method's options of them.
void check_program_options(const Recipe& r) {
  const core::Json options = core::Json::parse(r.program_options, nullptr, /*allow_exceptions=*/false);
  if (r.program_sha256.empty() || !options.is_object() || core::canonical_json(options) != r.program_options ||
      !std::ranges::all_of(options, [](const core::Json& value) { return value.is_primitive(); }))
    throw MemberError("train.program_options", quoted_text(r.program_options),
                      r.program_sha256.empty() ? "'train.program_sha256' is empty"
                                               : "it must be the canonical JSON of an object of plain values");
}

//! Members that one schedule alone reads.
void check_schedule(const Recipe& r) {
  if (r.schedule != Schedule::kStep && !r.milestones.empty())
    throw MemberError("train.milestones", r.milestones, fmt::format("a {} schedule has none", word(r.schedule)),
                      "leave them out or set train.schedule = \"step\"");
  if (r.schedule != Schedule::kPolynomial && r.power != Recipe().power)
    throw MemberError("train.power", r.power, fmt::format("a {} schedule has none", word(r.schedule)),
                      "leave it out or set train.schedule = \"polynomial\"");
}

//! Members that one optimiser alone reads.
void check_optimiser(const Recipe& r) {
  if (r.momentum > 0 && r.optimiser != Optimiser::kSgd)
    throw MemberError("train.momentum", r.momentum,
                      fmt::format("'train.optimiser' is '{}', whose moments are its own", word(r.optimiser)),
                      "leave it out or set train.optimiser = \"sgd\"");
  if (r.nesterov && r.momentum == 0)
    throw MemberError("train.nesterov", "true", "'train.momentum' is 0",
                      "leave it out, or set train.momentum with train.optimiser = \"sgd\"");
}

}  // namespace

void check(const Recipe& r, const PackSettings& pack) {
  if (r.steps == 0)
    throw MemberError("train.steps", r.steps, fmt::format("it must be 1 to {}", Recipe::kMostSteps),
                      "give it, or train.epochs");
  check_members(r, "train.");
  if (static_cast<std::int64_t>(r.identities) * r.images > Recipe::kMostImages)
    throw MemberError(
        "train.images", r.images,
        fmt::format("with {} identities a batch has more than {} images", r.identities, Recipe::kMostImages));
  check_range("train.lr_images", r.lr_images, 0, r.images - 1);
  if (r.copies.rate.empty())
    check_in_pack("train.train_rates", r.train_rates, pack);
  else if (r.copies_from == CopiesFrom::kNative && views_differ_from_copies(pack))
    throw MemberError("train.copies.rate", r.copies.rate,
                      "a pack holds raw images shrunk by its own rates alone, so other rates shrink the image at "
                      "network size",
                      "set train.copies_from = \"network\"");
  check_range("train.warmup_steps", r.warmup_steps, 0, r.steps);
  check_schedule(r);
  check_optimiser(r);
  if (!r.program_sha256.empty() && (r.program == 0 || !core::is_sha256_hex(r.program_sha256)))
    throw MemberError("train.program_sha256", "'" + r.program_sha256 + "'",
                      r.program == 0 ? "'train.program' is 0" : "it must be 64 hexadecimal digits");
  if (!r.program_options.empty()) check_program_options(r);
  check_range("train.pad", r.pad, 0, std::min(pack.height, pack.width));
}

}  // namespace resolute::settings
