#include "datasets/pack/shard_layout.h"

#include <algorithm>

#include "core/hash/sha256.h"

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

std::vector<std::string> row_array_names(const ShardHeader& header) {
  const std::vector<int> rates = stored_rates(header.options);
  std::vector<std::string> names{"hr"};
  for (int rate : rates) names.push_back(lr_name(rate));
  if (!rates.empty())
    for (const char* name : {"lr_view_offset", "lr_view_height", "lr_view_width"}) names.emplace_back(name);
  for (const char* name : {"identity", "camera", "subset", "native_height", "native_width", "path", "source_sha256"})
    names.emplace_back(name);
  if (header.tell_origin)
    for (const char* name : {"source_rate", "test_sets"}) names.emplace_back(name);
  if (tells_truncated(header.options)) names.emplace_back("truncated");
  return names;
}

std::size_t ShardLayout::index(const std::string& name) const {
  for (std::size_t i = 0; i < arrays.size(); ++i)
    if (arrays[i].name == name) return i;
  throw core::ContractError("a shard has no array '" + name + "'");
}

ShardLayout shard_layout(const ShardHeader& header, std::uint64_t path_bytes, std::uint64_t view_bytes,
                         std::uint64_t header_bytes) {
  const PackSettings& options = header.options;
  const std::uint64_t rows = header.rows;
  ShardLayout layout;
  layout.rates = stored_rates(options);
  auto& arrays = layout.arrays;
  auto side = [](int pixels, int rate) { return static_cast<std::uint64_t>(std::max(pixels / rate, 1)); };
  arrays.push_back({"hr", ElementType::kUint8, {rows, side(options.height, 1), side(options.width, 1), 3}});
  for (int rate : layout.rates)
    arrays.push_back(
        {lr_name(rate), ElementType::kUint8, {rows, side(options.height, rate), side(options.width, rate), 3}});
  const std::uint64_t rates = layout.rates.size();
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
  arrays.push_back({"header", ElementType::kUint8, {header_bytes}});
  for (const std::string& name : row_array_names(header))
    arrays.push_back({crc_name(name), ElementType::kUint32, {rows}});
  if (rates > 0) arrays.push_back({crc_name("lr_view"), ElementType::kUint32, {rows, rates}});
  arrays.push_back({crc_name("header"), ElementType::kUint32, {1}});
  return layout;
}

}  // namespace resolute::datasets
