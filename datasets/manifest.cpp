#include "datasets/manifest.h"

#include <array>
#include <string_view>

#include "core/sha256.h"

namespace resolute::datasets {
namespace {

constexpr std::array<std::string_view, 3> kSubsets{"train", "query", "gallery"};

}  // namespace

core::Json manifest_to_json(std::span<const PackRow> rows) {
  core::Json list = core::Json::array();
  for (const PackRow& row : rows) {
    list.push_back({{"path", row.sample.path},
                    {"identity", row.sample.identity},
                    {"camera", row.sample.camera},
                    {"subset", row.sample.subset},
                    {"native_height", row.native_height},
                    {"native_width", row.native_width},
                    {"source_sha256", row.source_sha256}});
  }
  return {{"schema", 1}, {"rows", std::move(list)}};
}

std::vector<PackRow> manifest_from_json(const core::Json& json, const std::string& where) {
  core::ObjectReader reader(json, where);
  if (auto schema = reader.required<int>("schema"); schema != 1)
    throw core::input_error(fmt::format("{}: manifest schema {} is unknown", where, schema), "1 is known");
  auto list = reader.required<std::vector<core::Json>>("rows");
  reader.finish();
  std::vector<PackRow> rows;
  rows.reserve(list.size());
  for (std::size_t i = 0; i < list.size(); ++i) {
    core::ObjectReader item(list[i], fmt::format("{}: rows[{}]", where, i));
    PackRow row;
    row.sample.path = item.required<std::string>("path");
    row.sample.identity = item.required<std::int64_t>("identity");
    row.sample.camera = item.required<std::int64_t>("camera");
    row.sample.subset = item.required<std::string>("subset");
    row.native_height = item.required<int>("native_height");
    row.native_width = item.required<int>("native_width");
    row.source_sha256 = item.required<std::string>("source_sha256");
    item.finish();
    subset_code(row.sample.subset);
    if (row.native_height < 1 || row.native_width < 1)
      throw core::input_error(
          fmt::format("{}: a native size of {}x{}", item.where(), row.native_height, row.native_width),
          "sides are 1 pixel or more");
    if (!core::is_sha256_hex(row.source_sha256))
      throw core::input_error(fmt::format("{}: source_sha256 '{}'", item.where(), row.source_sha256),
                              "64 lower-case hexadecimal digits are needed");
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string listing_sha256(std::span<const Sample> samples) {
  core::Sha256 hash;
  for (const Sample& sample : samples)
    hash.update(core::canonical_json({sample.path, sample.identity, sample.camera, sample.subset}) + "\n");
  return hash.finish_hex();
}

std::uint8_t subset_code(const std::string& subset) {
  for (std::size_t i = 0; i < kSubsets.size(); ++i)
    if (kSubsets[i] == subset) return static_cast<std::uint8_t>(i);
  throw core::input_error(fmt::format("subset '{}' is unknown", subset), "known are train, query, gallery");
}

std::string subset_name(std::uint8_t code) {
  if (code >= kSubsets.size())
    throw core::corrupt_error(fmt::format("subset number {} is unknown", code), "0, 1, 2 are known");
  return std::string(kSubsets[code]);
}

}  // namespace resolute::datasets
