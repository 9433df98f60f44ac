#include "datasets/manifest/manifest.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>

#include "core/hash/sha256.h"
#include "datasets/samples/listing.h"
#include "settings/member_checks.h"

namespace resolute::datasets {
namespace {

constexpr std::array<std::string_view, 3> kSubsets{"train", "query", "gallery"};

// Printable ASCII stands as it is; anything else is the JSON writer's matter.
void append_quoted(std::string& to, const std::string& text) {
  const bool plain = std::ranges::all_of(text, [](char c) { return c >= 0x20 && c <= 0x7e && c != '"' && c != '\\'; });
  if (!plain) {
    to += core::canonical_json(core::Json(text));
    return;
  }
  to += '"';
  to += text;
  to += '"';
}

std::vector<std::string> truncated_paths(std::span<const PackRow> rows) {
  std::vector<std::string> paths;
  for (const PackRow& row : rows)
    if (row.truncated) paths.push_back(row.sample.path);
  return paths;
}

// Marks the rows that a manifest's "truncated" names.
void read_truncated(const std::vector<std::string>& paths, std::vector<PackRow>& rows, const std::string& where) {
  std::size_t named = 0;
  for (PackRow& row : rows) {
    row.truncated = named < paths.size() && row.sample.path == paths[named];
    if (row.truncated) ++named;
  }
  if (named < paths.size() || paths.empty())
    throw core::input_error(paths.empty()
                                ? fmt::format("{}: 'truncated' names no row", where)
                                : fmt::format("{}: 'truncated' names '{}'", where, sources::printable(paths[named])),
                            "it has paths of rows, one at least, in their order");
}

}  // namespace

void check_sample(const Sample& sample, const Sample* before, const std::string& where) {
  constexpr std::int64_t kMostNumber = std::int64_t{1} << 53;  // what every reader of JSON can tell
  if (const std::string_view problem = path_problem(sample.path); !problem.empty())
    throw core::input_error(fmt::format("{}: path '{}'", where, sources::printable(sample.path)), problem);
  if (before != nullptr && sample.path <= before->path)
    throw core::input_error(sample.path == before->path
                                ? fmt::format("{}: path '{}' stands twice", where, sample.path)
                                : fmt::format("{}: path '{}' stands behind '{}'", where, sample.path, before->path),
                            "rows are sorted by path (bytes), each once");
  if (sample.identity < 0 || sample.identity > kMostNumber)
    throw core::input_error(fmt::format("{}: identity {}", where, sample.identity), "identities are 0 or more");
  if (sample.camera < 1 || sample.camera > kMostNumber)
    throw core::input_error(fmt::format("{}: camera {}", where, sample.camera), "cameras count from 1");
  if (sample.rate < 0 || sample.rate > settings::kLargestRate)
    throw core::input_error(fmt::format("{}: rate {}", where, sample.rate),
                            fmt::format("0 (LR, unknown), 1 (HR) and 2 to {} are possible", settings::kLargestRate));
}

bool tells_origin(const Sample& sample) { return sample.rate != 1 || sample.test_sets != 0; }

std::string manifest_text(std::span<const PackRow> rows) {
  const bool truncated = std::ranges::any_of(rows, &PackRow::truncated);
  const bool origin =
      truncated || std::ranges::any_of(rows, [](const PackRow& row) { return tells_origin(row.sample); });
  std::string text = "{\"rows\":[";
  // Members by the bytes of their keys.
  for (const PackRow& row : rows) {
    if (&row != rows.data()) text += ',';
    fmt::format_to(std::back_inserter(text),
                   "{{\"camera\":{},\"identity\":{},\"native_height\":{},\"native_width\":{},\"path\":",
                   row.sample.camera, row.sample.identity, row.native_height, row.native_width);
    append_quoted(text, row.sample.path);
    if (origin) fmt::format_to(std::back_inserter(text), ",\"rate\":{}", row.sample.rate);
    text += ",\"source_sha256\":";
    append_quoted(text, row.source_sha256);
    text += ",\"subset\":";
    append_quoted(text, row.sample.subset);
    if (origin) fmt::format_to(std::back_inserter(text), ",\"test_sets\":{}", row.sample.test_sets);
    text += '}';
  }
  fmt::format_to(std::back_inserter(text), "],\"schema\":{}", truncated ? 3 : origin ? 2 : 1);
  if (truncated)
    fmt::format_to(std::back_inserter(text), ",\"truncated\":{}", core::canonical_json(truncated_paths(rows)));
  text += "}\n";
  return text;
}

std::vector<PackRow> manifest_from_json(const core::Json& json, const std::string& where) {
  core::ObjectReader reader(json, where);
  const int schema = core::read_schema(reader, "manifest", 3);
  auto list = reader.required<std::vector<core::Json>>("rows");
  std::vector<std::string> truncated;
  if (schema > 2) truncated = reader.required<std::vector<std::string>>("truncated");
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
    if (schema > 1) {
      row.sample.rate = item.required<int>("rate");
      row.sample.test_sets = item.required<std::uint64_t>("test_sets");
    }
    item.finish();
    subset_code(row.sample.subset);
    check_sample(row.sample, rows.empty() ? nullptr : &rows.back().sample, item.where());
    if (row.native_height < 1 || row.native_width < 1)
      throw core::input_error(
          fmt::format("{}: a native size of {}x{}", item.where(), row.native_height, row.native_width),
          "sides are 1 pixel or more");
    if (!core::is_sha256_hex(row.source_sha256))
      throw core::input_error(fmt::format("{}: source_sha256 '{}'", item.where(), row.source_sha256),
                              "64 lower-case hexadecimal digits are needed");
    rows.push_back(std::move(row));
  }
  if (schema > 2) read_truncated(truncated, rows, where);
  // One text, one hash: what schema 1 can tell has no other.
  if (schema == 2 && std::ranges::none_of(rows, [](const PackRow& row) { return tells_origin(row.sample); }))
    throw core::input_error(fmt::format("{}: schema 2 tells no rate and no test set", where),
                            "such a manifest has schema 1");
  return rows;
}

std::string listing_line(const Sample& sample) {
  std::string line = "[";
  append_quoted(line, sample.path);
  fmt::format_to(std::back_inserter(line), ",{},{},", sample.identity, sample.camera);
  append_quoted(line, sample.subset);
  if (tells_origin(sample)) fmt::format_to(std::back_inserter(line), ",{},{}", sample.rate, sample.test_sets);
  line += "]\n";
  return line;
}

std::string listing_sha256(std::span<const Sample> samples) {
  core::Sha256 hash;
  for (const Sample& sample : samples) hash.update(listing_line(sample));
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
