#include <algorithm>
#include <tuple>

#include "methods/rules.h"
#include "settings/member_checks.h"
#include "settings/names.h"
#include "settings/trunk_shape.h"

namespace resolute::methods {

using settings::MemberError;
using settings::text_of;

namespace {

//! The cascade's scales, and the copies that its IR networks aim at.
void check_scales(const std::vector<int>& scales, const std::vector<int>& train_rates) {
  const char* key = "msifla.scales";
  if (scales.size() > MsiflaOptions::kMostScales)
    throw MemberError(key, scales, fmt::format("1 to {} scales are needed", MsiflaOptions::kMostScales));
  check_last(key, scales);
  for (int scale : scales)
    if (scale != 1 && std::find(train_rates.begin(), train_rates.end(), scale) == train_rates.end())
      throw MemberError(key, scales,
                        fmt::format("the IR network of scale {} aims at copies at that rate, and 'train.train_rates' "
                                    "is {}",
                                    scale, text_of(train_rates)),
                        fmt::format("add {} to 'train.train_rates'", scale));
}

//! The images' size: IR networks halve them twice, re-ID networks cut f5 into parts.
void check_size(const settings::NetworkSettings& network, const settings::PackSettings& pack) {
  for (const auto& [key, side] : {std::pair("height", pack.height), std::pair("width", pack.width)})
    if (side % 4 != 0)
      throw MemberError(key, side, "'msifla' halves images twice, so it must be a multiple of 4",
                        fmt::format("set it to {}", side + 4 - side % 4));
  constexpr int kParts = MsiflaOptions::kParts;
  const int stride = settings::trunk_shape(network).stride(settings::kTrunkLevels);
  if (const int rows = (pack.height + stride - 1) / stride; rows < kParts)
    throw MemberError("height", pack.height,
                      fmt::format("'msifla' cuts the last feature map into {} parts, and that of '{}' has {} rows",
                                  kParts, settings::word(network.backbone), rows),
                      fmt::format("raise it to {}", (kParts - 1) * stride + 4));
}

//! The batch and its pool.
void check_batch(const settings::Recipe& r, const settings::SplitSettings& split) {
  if (r.train_rates.front() == 1)
    throw MemberError("train.train_rates", r.train_rates,
                      "'msifla' recovers copies at every rate, and a copy at rate 1 is the HR image, which it has",
                      "leave 1 out");
  if (r.lr_images == 0 && !settings::shows_low(split.train_pool))
    throw MemberError("train.lr_images", "0",
                      fmt::format("the training pool '{}' has no LR images, so the re-ID networks would see none",
                                  settings::word(split.train_pool)),
                      suggested_lr_images(r));
  if (r.labelled_fraction == 0)
    throw MemberError("train.labelled_fraction", "0", "without labels no loss trains the re-ID networks");
}

}  // namespace

void check_with(const MsiflaOptions& o, const TrainingSettings& training) {
  if (o.ir_width % 2 != 0)
    throw MemberError("msifla.ir_width", o.ir_width, "a decoder's last channels are half of it",
                      fmt::format("set it to {}", o.ir_width + 1));
  if (!o.classification && !o.triplet)
    throw MemberError("msifla.triplet", "false",
                      "with 'msifla.classification' off too no loss trains the re-ID networks");
  check_frozen_levels(training.network, o.classification, "'msifla.classification'");
  check_scales(o.scales, training.recipe.train_rates);
  if (o.reid_ensemble > 1 && o.scales.size() > 1)
    throw MemberError(
        "msifla.reid_ensemble", o.reid_ensemble,
        fmt::format("an ensemble is of re-ID networks on one scale, and 'msifla.scales' is {}", text_of(o.scales)),
        "set msifla.scales = [1]");
  settings::check_range("msifla.ir_warmup_steps", o.ir_warmup_steps, 0, training.recipe.steps - 1);
  if (o.ir_warmup_steps > 0 && settings::is_among(frozen_groups(training.recipe), "ir"))
    throw MemberError(
        "msifla.ir_warmup_steps", o.ir_warmup_steps,
        "the IR networks are frozen, and nothing else learns in the steps before the re-ID networks begin",
        "set it to 0");
  check_batch(training.recipe, training.split);
  check_size(training.network, training.pack);
}

void reset_unread(MsiflaOptions& options, settings::NetworkSettings&, const settings::Recipe&) {
  reset_triplet(options);
  // One scale has one re-ID network either way.
  if (options.scales.size() == 1) options.reid_networks = MsiflaOptions().reid_networks;
}

bool same_tensors(const MsiflaOptions& a, const MsiflaOptions& b) {
  const auto shape = [](const MsiflaOptions& o) {
    return std::tuple(o.scales, o.reid_networks, o.reid_ensemble, o.classification, o.ir_width, o.ir_residual);
  };
  return shape(a) == shape(b);
}

}  // namespace resolute::methods
