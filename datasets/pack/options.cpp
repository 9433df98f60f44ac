#include "datasets/pack/options.h"

namespace resolute::datasets {

core::Json options_json(const PackSettings& settings) {
  core::Json json = settings::settings_in_pack(settings);
  core::Json all = json;
  json.erase("synthetic");
  json["settings"] = std::move(all);
  return json;
}

PackSettings options_from_json(const core::Json& json, const std::string& where) {
  core::ObjectReader reader(json, where);
  PackSettings settings = settings::settings_of_pack(reader.required<core::Json>("settings"), where + ": settings");
  // Compared as text: to JSON 1 and 1.0 are equal.
  if (core::canonical_json(options_json(settings)) != core::canonical_json(json))
    throw core::input_error(fmt::format("{}: options and their key 'settings' differ", where),
                            "they say the same twice");
  return settings;
}

int read_pack_schema(core::ObjectReader& object, std::string_view kind) {
  return core::read_schema(object, kind, settings::newest_schema<PackSettings>(), "ingest the data set again");
}

std::vector<int> stored_rates(const PackSettings& settings) {
  std::vector<int> rates;
  for (int rate : settings.rates)
    if (rate > 1) rates.push_back(rate);
  return rates;
}

RowRange shard_rows(std::size_t total, int shard, int shards) {
  auto at = [&](int cut) { return total * static_cast<std::size_t>(cut) / static_cast<std::size_t>(shards); };
  return {at(shard), at(shard + 1)};
}

}  // namespace resolute::datasets
