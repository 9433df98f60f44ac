#include "workers/safetensors.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "core/json.h"

namespace resolute::workers {
namespace {

// The format's own limit, against headers that claim the whole address space.
constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;

constexpr std::array<std::pair<std::string_view, at::ScalarType>, 10> kTypes{{
    {"F32", at::kFloat},
    {"F64", at::kDouble},
    {"F16", at::kHalf},
    {"BF16", at::kBFloat16},
    {"I64", at::kLong},
    {"I32", at::kInt},
    {"I16", at::kShort},
    {"I8", at::kChar},
    {"U8", at::kByte},
    {"BOOL", at::kBool},
}};

std::string_view type_name(at::ScalarType type) {
  for (const auto& [name, scalar] : kTypes)
    if (scalar == type) return name;
  throw core::ContractError(fmt::format("safetensors has no type for {}", at::toString(type)));
}

std::span<const std::byte> bytes_of(const at::Tensor& contiguous) {
  return {static_cast<const std::byte*>(contiguous.const_data_ptr()), contiguous.nbytes()};
}

struct Entry {
  std::string name;
  at::ScalarType type;
  std::vector<std::int64_t> shape;
  std::uint64_t begin;
  std::uint64_t end;
};

Entry read_entry(const std::string& name, const core::Json& json, std::string_view file, std::uint64_t data_bytes) {
  core::ObjectReader reader(json, fmt::format("{}: tensor '{}'", file, name));
  Entry entry{name, at::kFloat, reader.required<std::vector<std::int64_t>>("shape"), 0, 0};
  const auto type = reader.required<std::string>("dtype");
  const auto offsets = reader.required<std::vector<std::uint64_t>>("data_offsets");
  reader.finish();
  const auto* known = std::find_if(kTypes.begin(), kTypes.end(), [&](const auto& row) { return row.first == type; });
  if (known == kTypes.end()) throw core::corrupt_error(fmt::format("{}: tensor '{}' has type '{}'", file, name, type));
  entry.type = known->second;
  if (offsets.size() != 2 || offsets[0] > offsets[1] || offsets[1] > data_bytes)
    throw core::corrupt_error(fmt::format("{}: tensor '{}' lies outside of the file", file, name));
  entry.begin = offsets[0];
  entry.end = offsets[1];
  std::uint64_t size = at::elementSize(entry.type);
  for (std::int64_t extent : entry.shape) {
    if (extent < 0) throw core::corrupt_error(fmt::format("{}: tensor '{}' has a negative extent", file, name));
    if (__builtin_mul_overflow(size, static_cast<std::uint64_t>(extent), &size))
      throw core::corrupt_error(fmt::format("{}: tensor '{}' is larger than memory", file, name));
  }
  if (size != entry.end - entry.begin)
    throw core::corrupt_error(fmt::format("{}: tensor '{}' has {} bytes", file, name, entry.end - entry.begin),
                              fmt::format("its shape needs {}", size));
  return entry;
}

core::Json parse_header(std::span<const std::byte> header, std::string_view name) {
  try {
    return core::parse_json(core::as_text(header), name);
  } catch (const core::RuntimeError& error) {
    // To a user a broken header is damage, not a mistake in what was typed.
    throw core::corrupt_error(fmt::format("{} is damaged", name), error.what());
  }
}

std::map<std::string, std::string> read_metadata(const core::Json& json, std::string_view name) {
  if (!json.is_object()) throw core::corrupt_error(fmt::format("{}: '__metadata__' is no object", name));
  std::map<std::string, std::string> metadata;
  for (const auto& [key, value] : json.items()) {
    if (!value.is_string()) throw core::corrupt_error(fmt::format("{}: metadata '{}' is no text", name, key));
    metadata[key] = value.get<std::string>();
  }
  return metadata;
}

}  // namespace

core::Bytes encode_safetensors(const NamedTensors& tensors, const std::map<std::string, std::string>& metadata) {
  // Written by hand so that "__metadata__" stands first whatever the tensors are called: docs/formats/checkpoint.md
  // relies on its place.
  std::string header = "{";
  if (!metadata.empty()) header += R"("__metadata__":)" + core::canonical_json(core::Json(metadata));
  std::uint64_t offset = 0;
  std::vector<at::Tensor> contents;
  for (const auto& [name, tensor] : tensors) {
    RESOLUTE_EXPECT(name != "__metadata__", "a tensor is named as the metadata");
    contents.push_back(tensor.detach().contiguous());
    const std::uint64_t end = offset + contents.back().nbytes();
    core::Json entry = {
        {"dtype", type_name(tensor.scalar_type())}, {"shape", tensor.sizes().vec()}, {"data_offsets", {offset, end}}};
    if (header.size() > 1) header += ',';
    header += core::canonical_json(core::Json(name)) + ":" + core::canonical_json(entry);
    offset = end;
  }
  header += '}';
  header.append((8 - header.size() % 8) % 8, ' ');

  core::Bytes bytes;
  bytes.reserve(8 + header.size() + offset);
  core::append_little_endian(bytes, static_cast<std::uint64_t>(header.size()));
  core::append_bytes(bytes, core::as_byte_span(header));
  for (const at::Tensor& tensor : contents) core::append_bytes(bytes, bytes_of(tensor));
  return bytes;
}

SafetensorsContent decode_safetensors(std::span<const std::byte> bytes, std::string_view name) {
  core::ByteReader reader(bytes, name);
  const auto header_bytes = reader.take<std::uint64_t>();
  if (header_bytes > kMaxHeaderBytes)
    throw core::corrupt_error(fmt::format("{} is no safetensors file", name),
                              fmt::format("a header of {} bytes", header_bytes));
  const core::Json header = parse_header(reader.take_bytes(header_bytes), name);
  if (!header.is_object()) throw core::corrupt_error(fmt::format("{} is no safetensors file", name));
  const std::span<const std::byte> data = bytes.subspan(reader.position());

  SafetensorsContent content;
  std::vector<Entry> entries;
  for (const auto& [key, value] : header.items()) {
    if (key == "__metadata__") {
      content.metadata = read_metadata(value, name);
      continue;
    }
    try {
      entries.push_back(read_entry(key, value, name, data.size()));
    } catch (const core::RuntimeError& error) {
      throw core::corrupt_error(error.what());
    }
  }
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return std::pair(a.begin, a.end) < std::pair(b.begin, b.end); });
  std::uint64_t at = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != at)
      throw core::corrupt_error(fmt::format("{}: tensor '{}' starts at {}", name, entry.name, entry.begin),
                                fmt::format("the one before ends at {}", at));
    at = entry.end;
    at::Tensor tensor = at::empty(entry.shape, at::TensorOptions(entry.type));
    if (entry.end > entry.begin)
      std::memcpy(tensor.mutable_data_ptr(), data.data() + entry.begin, entry.end - entry.begin);
    content.tensors[entry.name] = std::move(tensor);
  }
  if (at != data.size())
    throw core::corrupt_error(fmt::format("{} has {} bytes after its last tensor", name, data.size() - at));
  return content;
}

}  // namespace resolute::workers
