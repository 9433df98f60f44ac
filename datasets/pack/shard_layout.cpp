#include "datasets/pack/shard_layout.h"

#include <algorithm>

#include "core/hash/sha256.h"
#include "datasets/image/low_resolution.h"

namespace resolute::datasets {

using hdf5::ArrayLayout;
using hdf5::ElementType;

int shard_schema(const PackSettings& options, bool tell_origin) {
  return std::max(tell_origin ? 2 : 1, settings::schema_of(options));
}

std::string header_text(const ShardHeader& header) {
  const int schema = shard_schema(header.options, header.tell_origin);
  core::Json json{{"schema", schema},
                  {"options", options_json(header.options)},
                  {"shard", header.shard},
                  {"first_row", header.first_row},
                  {"rows", header.rows},
                  {"total_rows", header.total_rows},
                  {"listing_sha256", header.listing_sha256},
                  {"decoder", header.decoder},
                  {"hdf5", header.hdf5}};
  if (schema > 1) json["tell_origin"] = header.tell_origin;
  return core::canonical_json(json);
}

ShardHeader header_from_text(std::string_view text, const std::string& where) {
  try {
    core::Json json = core::parse_json(text, where);
    core::ObjectReader reader(json, where);
    const int schema = read_pack_schema(reader, "shard");
    ShardHeader header;
    header.options = options_from_json(reader.required<core::Json>("options"), where);
    header.shard = reader.required<int>("shard");
    header.first_row = reader.required<std::uint64_t>("first_row");
    header.rows = reader.required<std::uint64_t>("rows");
    header.total_rows = reader.required<std::uint64_t>("total_rows");
    header.listing_sha256 = reader.required<std::string>("listing_sha256");
    header.decoder = reader.required<std::string>("decoder");
    header.hdf5 = reader.required<std::string>("hdf5");
    if (schema > 1) header.tell_origin = reader.required<bool>("tell_origin");
    reader.finish();
    if (schema != shard_schema(header.options, header.tell_origin))
      throw core::input_error(fmt::format("{}: shard schema {}", where, schema), "a lower one can tell this shard");
    return header;
  } catch (const core::RuntimeError& error) {
    throw core::corrupt_error(error.what());
  }
}

std::string lr_name(int rate) { return fmt::format("lr_{}", rate); }
std::string crc_name(const std::string& name) { return "crc32c/" + name; }

bool tells_truncated(const PackSettings& options) {
  return options.truncated_images == settings::TruncatedImages::kFilled;
}

std::vector<std::string> image_array_names(const PackSettings& options) {
  std::vector<std::string> names{"hr"};
  for (int rate : stored_rates(options)) names.push_back(lr_name(rate));
  if (names.size() > 1) names.emplace_back("lr_view");
  return names;
}

std::vector<ArrayLayout> shard_layout(const ShardHeader& header, std::uint64_t path_bytes, std::uint64_t view_bytes,
                                      std::uint64_t header_bytes) {
  const PackSettings& options = header.options;
  const std::uint64_t rows = header.rows;
  const std::vector<int> stored = stored_rates(options);
  const std::uint64_t rates = stored.size();
  std::vector<ArrayLayout> arrays;
  const auto add_images = [&](const std::string& name, int rate) {
    const ImageSize size = shrunk_size({options.height, options.width}, rate);
    arrays.push_back({name,
                      ElementType::kUint8,
                      {rows, static_cast<std::uint64_t>(size.height), static_cast<std::uint64_t>(size.width), 3}});
  };
  add_images("hr", 1);
  for (int rate : stored) add_images(lr_name(rate), rate);
  if (rates > 0) {
    arrays.push_back({"lr_view", ElementType::kUint8, {view_bytes}});
    arrays.push_back({"lr_view_offset", ElementType::kUint64, {rows, rates}});
    arrays.push_back({"lr_view_height", ElementType::kInt32, {rows, rates}});
    arrays.push_back({"lr_view_width", ElementType::kInt32, {rows, rates}});
  }
  arrays.push_back({"identity", ElementType::kInt64, {rows}});
  arrays.push_back({"camera", ElementType::kInt64, {rows}});
  arrays.push_back({"subset", ElementType::kUint8, {rows}});
  arrays.push_back({"native_height", ElementType::kInt32, {rows}});
  arrays.push_back({"native_width", ElementType::kInt32, {rows}});
  arrays.push_back({"path", ElementType::kUint8, {rows, path_bytes}});
  arrays.push_back({"source_sha256", ElementType::kUint8, {rows, 32}});
  if (header.tell_origin) {
    arrays.push_back({"source_rate", ElementType::kInt32, {rows}});
    arrays.push_back({"test_sets", ElementType::kUint64, {rows}});
  }
  if (tells_truncated(options)) arrays.push_back({"truncated", ElementType::kUint8, {rows}});
  std::vector<ArrayLayout> checksums;
  for (const ArrayLayout& array : arrays)
    if (array.name != "lr_view") checksums.push_back({crc_name(array.name), ElementType::kUint32, {rows}});
  arrays.push_back({"header", ElementType::kUint8, {header_bytes}});
  arrays.insert(arrays.end(), checksums.begin(), checksums.end());
  if (rates > 0) arrays.push_back({crc_name("lr_view"), ElementType::kUint32, {rows, rates}});
  arrays.push_back({crc_name("header"), ElementType::kUint32, {1}});
  return arrays;
}

}  // namespace resolute::datasets
