#include "settings/pack.h"

#include <algorithm>

#include "settings/names.h"

namespace resolute::settings {
void check(const SyntheticSettings& s) { check_members(s, ""); }

void check(const PackSettings& p) {
  if (!is_plain_name(p.name))
    throw MemberError("id", quoted_text(p.name),
                      "a data set's name is 1 to 64 of a-z, 0-9 and '-', not starting with '-'");
  check_members(p, "");
  if (!p.degradation.rate.empty() && std::ranges::count_if(p.rates, [](int rate) { return rate > 1; }) != 1)
    throw MemberError(
        "degradation.rate", p.degradation.rate,
        fmt::format("each image has one LR view at the rate that it draws, and 'rates' is {}", text_of(p.rates)),
        "name one rate above 1, by which the views go");
  if (p.synthetic) check_stand_in(*p.synthetic, p.source);
}

SyntheticSettings stand_in_of(Source source) {
  constexpr int kImages = 4;  // of each identity and camera
  const SourceFacts& facts = facts_of(source);
  const StandInFacts& can = facts.stand_in;
  SyntheticSettings settings{.height = 64, .width = 32};
  if (can.vehicles) settings.subject = Subject::kVehicle;
  settings.cameras = std::clamp(settings.cameras, can.cameras.low, can.cameras.high);
  // One camera has as many images as elsewhere two have.
  settings.images_per_camera = std::clamp(facts.one_camera ? 2 * kImages : kImages, can.images.low, can.images.high);
  return settings;
}

bool views_differ_from_copies(const PackSettings& settings) {
  return settings.view_from == ViewFrom::kNative || settings.degradation.any();
}

bool is_stand_in(const PackSettings& settings) { return settings.synthetic && !facts_of(settings.source).rendered; }

void check_stand_in(const SyntheticSettings& settings, Source source) {
  const StandInFacts& can = facts_of(source).stand_in;
  SyntheticSettings in_general = settings;
  // A layout with one image by a camera is content with it.
  if (can.images.low < kAnyStandIn.images.low)
    in_general.images_per_camera = std::max(settings.images_per_camera, kAnyStandIn.images.low);
  check_members(in_general, "");
  if (facts_of(source).rendered) return;
  const auto check_count = [&](const char* key, int value, const CountRange& range) {
    if (value >= range.low && value <= range.high) return;
    const bool one = range.low == range.high;
    throw MemberError(key, value,
                      fmt::format("a stand-in for '{}' has {}", word(source),
                                  one ? std::to_string(range.low) : fmt::format("{} to {}", range.low, range.high)),
                      one ? fmt::format("set it to {}", range.low) : "");
  };
  check_count("cameras", settings.cameras, can.cameras);
  check_count("images_per_camera", settings.images_per_camera, can.images);
  check_count("identities", settings.identities, can.identities);
}

std::string shard_file_name(int shard) { return fmt::format("shard-{:05}.h5", shard); }

core::Json settings_in_pack(const PackSettings& settings) { return to_json(settings, schema_of(settings)); }

PackSettings settings_of_pack(const core::Json& json, const std::string& where) {
  // It does not say its schema: its members do.
  int schema = 1;
  PackSettings::members([&](const auto& one) {
    if (json.contains(one.key)) schema = std::max(schema, one.schema);
  });
  return checked<PackSettings>(completed<PackSettings>(json, schema, where), where);
}

}  // namespace resolute::settings
