#include "datasets/pack/options.h"

#include <algorithm>
#include <string_view>

#include "datasets/low_resolution.h"

namespace resolute::datasets {
namespace {

constexpr std::size_t kMostNameBytes = 64;

// The same rule as experiments' for names of data sets: what passes is one folder name, on every file system.
bool is_plain_name(std::string_view text) {
  auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !text.empty() && text.size() <= kMostNameBytes && text.front() != '-' &&
         std::all_of(text.begin(), text.end(), allowed);
}

}  // namespace

void validate(const PackOptions& options) {
  auto refuse = [&](const std::string& what, std::string_view why) {
    return core::input_error(fmt::format("pack '{}': {}", options.name, what), why);
  };
  if (!is_plain_name(options.name)) {
    // Escaped: whatever was typed, the complaint stays one line of text.
    const std::string quoted = core::Json(options.name).dump(-1, ' ', true, core::Json::error_handler_t::replace);
    throw core::input_error(
        fmt::format("data set name {} is no plain one", quoted),
        fmt::format("it must be 1 to {} of a-z, 0-9 and '-', not starting with '-'", kMostNameBytes));
  }
  for (std::size_t i = 0; i < options.rates.size(); ++i) {
    int rate = options.rates[i];
    if (rate < 1 || rate > kMaxRate)
      throw refuse(fmt::format("rate {}", rate), fmt::format("rates are 1 to {}", kMaxRate));
    if (i > 0 && rate <= options.rates[i - 1])
      throw refuse(fmt::format("rate {} is out of order", rate), "rates ascend");
  }
  if (options.rates.empty()) throw refuse("it has no rates", "at least one is needed");
  for (int side : {options.height, options.width})
    if (side < 1 || side > 4096) throw refuse(fmt::format("a side of {} pixels", side), "network sizes are 1 to 4096");
  if (options.shards < 1 || options.shards > 99999)
    throw refuse(fmt::format("{} shards", options.shards), "1 to 99999 are possible");
  if (!options.settings.is_object()) throw refuse("its settings are no JSON object", "an object is needed");
}

std::string_view view_from_name(ViewFrom from) { return from == ViewFrom::kNative ? "native" : "network"; }

ViewFrom view_from_from_name(std::string_view name) {
  for (const ViewFrom from : {ViewFrom::kNative, ViewFrom::kNetwork})
    if (view_from_name(from) == name) return from;
  throw core::input_error(fmt::format("view_from '{}' is unknown", name), {}, "choose 'native' or 'network'");
}

core::Json to_json(const PackOptions& options) {
  core::Json json{{"name", options.name},     {"source", options.source},
                  {"rates", options.rates},   {"kernel", std::string(kernel_name(options.kernel))},
                  {"height", options.height}, {"width", options.width},
                  {"shards", options.shards}, {"settings", options.settings}};
  // Only where it is not what every pack was before it could be chosen: their bytes stay.
  if (options.view_from != ViewFrom::kNative) json["view_from"] = std::string(view_from_name(options.view_from));
  return json;
}

PackOptions pack_options_from_json(const core::Json& json, const std::string& where) {
  core::ObjectReader reader(json, where);
  PackOptions options;
  options.name = reader.required<std::string>("name");
  options.source = reader.required<std::string>("source");
  options.rates = reader.required<std::vector<int>>("rates");
  options.kernel = kernel_from_name(reader.required<std::string>("kernel"));
  options.height = reader.required<int>("height");
  options.width = reader.required<int>("width");
  options.shards = reader.required<int>("shards");
  options.settings = reader.required<core::Json>("settings");
  if (const core::Json* from = reader.find("view_from")) {
    options.view_from = view_from_from_name(from->is_string() ? from->get<std::string>() : from->dump());
    if (options.view_from == ViewFrom::kNative)
      throw core::input_error(fmt::format("{}: view_from is 'native'", where), "it stands there only where it is not");
  }
  reader.finish();
  try {
    validate(options);
  } catch (const core::RuntimeError& error) {
    throw error.at(where);
  }
  return options;
}

std::vector<int> stored_rates(const PackOptions& options) {
  std::vector<int> rates;
  for (int rate : options.rates)
    if (rate > 1) rates.push_back(rate);
  return rates;
}

std::string shard_file_name(int shard) { return fmt::format("shard-{:05}.h5", shard); }

RowRange shard_rows(std::size_t total, int shard, int shards) {
  auto at = [&](int cut) { return total * static_cast<std::size_t>(cut) / static_cast<std::size_t>(shards); };
  return {at(shard), at(shard + 1)};
}

}  // namespace resolute::datasets
