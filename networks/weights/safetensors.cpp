#include "networks/weights/safetensors.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <future>
#include <utility>

#include "core/error.h"
#include "core/files/json.h"

namespace resolute::networks {
namespace {

// The format's own limit, against headers that claim the whole address space.
constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;
constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 48;

constexpr std::int64_t kTile = 128;       // channels at a time
constexpr std::int64_t kMostPixels = 64;  // of a kernel

// Images of pixels × channels become images of channels × pixels. Reading one channel's pixels in place would hit the
// same few cache lines of the processor's table again and again, since channels are powers of two: a tile of padded
// rows lies between, 9 to 15 GB/s in place of 3 to 6. Tensor::copy_ does 1.
template <class Word, std::int64_t kPixels>
void move_channels_first(const std::byte* from, std::byte* to, std::int64_t images, std::int64_t channels,
                         std::int64_t pixels_given) {
  constexpr auto kWord = static_cast<std::int64_t>(sizeof(Word));
  const std::int64_t pixels = kPixels != 0 ? kPixels : pixels_given;
  Word tile[kPixels != 0 ? kPixels : kMostPixels][kTile + 64 / kWord];
  for (std::int64_t image = 0; image < images; ++image, from += channels * pixels * kWord)
    for (std::int64_t first = 0; first < channels; first += kTile) {
      const std::int64_t count = std::min(kTile, channels - first);
      for (std::int64_t pixel = 0; pixel < pixels; ++pixel)
        std::memcpy(tile[pixel], from + (pixel * channels + first) * kWord, static_cast<std::size_t>(count * kWord));
      for (std::int64_t channel = 0; channel < count; ++channel)
#pragma GCC unroll 9
        for (std::int64_t pixel = 0; pixel < pixels; ++pixel, to += kWord)
          std::memcpy(to, &tile[pixel][channel], sizeof(Word));
    }
}

template <class Word>
void move_channels_first(const at::Tensor& tensor, std::byte* to) {
  const auto* from = static_cast<const std::byte*>(tensor.const_data_ptr());
  const std::int64_t pixels = tensor.size(2) * tensor.size(3);
  if (pixels == 9)
    move_channels_first<Word, 9>(from, to, tensor.size(0), tensor.size(1), pixels);
  else
    move_channels_first<Word, 0>(from, to, tensor.size(0), tensor.size(1), pixels);
}

bool move_channels_first(const at::Tensor& tensor, std::byte* to) {
  if (tensor.size(2) * tensor.size(3) > kMostPixels) return false;
  switch (tensor.element_size()) {
    case 2:
      move_channels_first<std::uint16_t>(tensor, to);
      return true;
    case 4:
      move_channels_first<std::uint32_t>(tensor, to);
      return true;
    default:
      return false;
  }
}

std::string_view safetensors_type(at::ScalarType type) {
  for (const ElementNames& names : kElementNames)
    if (names.type == type) return names.safetensors;
  throw core::ContractError(fmt::format("safetensors has no type for {}", at::toString(type)));
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
  const auto* known = std::ranges::find(kElementNames, type, &ElementNames::safetensors);
  if (known == kElementNames.end())
    throw core::corrupt_error(fmt::format("{}: tensor '{}' has type '{}'", file, name, type));
  entry.type = known->type;
  if (offsets.size() != 2 || offsets[0] > offsets[1] || offsets[1] > data_bytes)
    throw core::corrupt_error(fmt::format("{}: tensor '{}' lies outside of the file", file, name));
  entry.begin = offsets[0];
  entry.end = offsets[1];
  // Without its zeros, since strides are products of the extents that are left.
  std::uint64_t size = at::elementSize(entry.type);
  bool empty = false;
  for (std::int64_t extent : entry.shape) {
    if (extent < 0) throw core::corrupt_error(fmt::format("{}: tensor '{}' has a negative extent", file, name));
    if (extent == 0) empty = true;
    if (extent != 0 && (__builtin_mul_overflow(size, static_cast<std::uint64_t>(extent), &size) || size > kMaxBytes))
      throw core::corrupt_error(fmt::format("{}: tensor '{}' is larger than memory", file, name));
  }
  if (empty) size = 0;
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

struct Parsed {
  std::map<std::string, std::string> metadata;
  std::vector<Entry> entries;  // in the order of their places; offsets from the start of the data
  std::size_t data_begin = 0;
};

Parsed parse(std::span<const std::byte> bytes, std::string_view name) {
  core::ByteReader reader(bytes, name);
  const auto header_bytes = reader.take<std::uint64_t>();
  if (header_bytes > kMaxHeaderBytes)
    throw core::corrupt_error(fmt::format("{} is no safetensors file", name),
                              fmt::format("a header of {} bytes", header_bytes));
  const core::Json header = parse_header(reader.take_bytes(header_bytes), name);
  if (!header.is_object()) throw core::corrupt_error(fmt::format("{} is no safetensors file", name));
  const std::size_t data_bytes = reader.remaining();

  Parsed parsed;
  parsed.data_begin = reader.position();
  for (const auto& [key, value] : header.items()) {
    if (key == "__metadata__") {
      parsed.metadata = read_metadata(value, name);
      continue;
    }
    try {
      parsed.entries.push_back(read_entry(key, value, name, data_bytes));
    } catch (const core::RuntimeError& error) {
      throw core::corrupt_error(error.what());
    }
  }
  std::sort(parsed.entries.begin(), parsed.entries.end(),
            [](const Entry& a, const Entry& b) { return std::pair(a.begin, a.end) < std::pair(b.begin, b.end); });
  std::uint64_t at = 0;
  for (const Entry& entry : parsed.entries) {
    if (entry.begin != at)
      throw core::corrupt_error(fmt::format("{}: tensor '{}' starts at {}", name, entry.name, entry.begin),
                                fmt::format("the one before ends at {}", at));
    at = entry.end;
  }
  if (at != data_bytes)
    throw core::corrupt_error(fmt::format("{} has {} bytes after its last tensor", name, data_bytes - at));
  return parsed;
}

at::Tensor copy_of(const Entry& entry, const std::byte* data) {
  at::Tensor tensor = at::empty(entry.shape, at::TensorOptions(entry.type));
  if (entry.end > entry.begin) std::memcpy(tensor.mutable_data_ptr(), data + entry.begin, entry.end - entry.begin);
  return tensor;
}

}  // namespace

void copy_row_major(const at::Tensor& tensor, std::span<std::byte> to) {
  RESOLUTE_EXPECT(to.size() == tensor.nbytes(), "a tensor's bytes do not fit their place");
  if (to.empty()) return;
  const at::NoGradGuard no_grad;
  if (tensor.is_cpu()) {
    // Kernels of 1×1 are contiguous in both senses, and pass here.
    if (tensor.is_contiguous()) {
      std::memcpy(to.data(), tensor.const_data_ptr(), to.size());
      return;
    }
    if (tensor.dim() == 4 && tensor.is_contiguous(at::MemoryFormat::ChannelsLast) &&
        move_channels_first(tensor, to.data()))
      return;
  }
  if (reinterpret_cast<std::uintptr_t>(to.data()) % static_cast<std::uintptr_t>(tensor.element_size()) == 0) {
    at::Tensor target = at::from_blob(to.data(), tensor.sizes(), at::TensorOptions(tensor.scalar_type()));
    target.copy_(tensor);
    return;
  }
  const at::Tensor copy = tensor.detach().cpu().contiguous();
  std::memcpy(to.data(), copy.const_data_ptr(), to.size());
}

SafetensorsLayout lay_out_safetensors(const NamedTensors& tensors, const std::map<std::string, std::string>& metadata) {
  // Written by hand so that "__metadata__" stands first whatever the tensors are called:
  // docs/inside/formats/checkpoint.md relies on its place.
  std::string header = "{";
  if (!metadata.empty()) header += R"("__metadata__":)" + core::canonical_json(core::Json(metadata));
  std::uint64_t offset = 0;
  SafetensorsLayout layout;
  for (const auto& [name, tensor] : tensors) {
    RESOLUTE_EXPECT(name != "__metadata__", "a tensor is named as the metadata");
    const std::uint64_t end = offset + tensor.nbytes();
    if (header.size() > 1) header += ',';
    // The same text as canonical_json() writes, a hundred times faster: this is part of what a checkpoint stops a
    // training for.
    header += core::canonical_json(core::Json(name));
    header += fmt::format(R"(:{{"data_offsets":[{},{}],"dtype":"{}","shape":[{}]}})", offset, end,
                          safetensors_type(tensor.scalar_type()), fmt::join(tensor.sizes(), ","));
    layout.bodies.push_back({tensor, offset});
    offset = end;
  }
  header += '}';
  header.append((8 - header.size() % 8) % 8, ' ');

  core::Bytes length;
  core::append_little_endian(length, static_cast<std::uint64_t>(header.size()));
  layout.head = std::string(core::as_text(length)) + header;
  for (SafetensorsLayout::Body& body : layout.bodies) body.begin += layout.head.size();
  layout.size = layout.head.size() + offset;
  return layout;
}

void fill_safetensors(const SafetensorsLayout& layout, std::span<std::byte> file, unsigned threads) {
  RESOLUTE_EXPECT(file.size() == layout.size, "the memory for a file has another size");
  std::memcpy(file.data(), layout.head.data(), layout.head.size());
  std::atomic<std::size_t> next{0};
  const auto copy = [&] {
    for (std::size_t i = next++; i < layout.bodies.size(); i = next++) {
      const SafetensorsLayout::Body& body = layout.bodies[i];
      copy_row_major(body.tensor, file.subspan(body.begin, body.tensor.nbytes()));
    }
  };
  const bool on_cpu = std::all_of(layout.bodies.begin(), layout.bodies.end(),
                                  [](const SafetensorsLayout::Body& body) { return body.tensor.is_cpu(); });
  std::vector<std::future<void>> others;
  for (unsigned i = 1; on_cpu && i < threads; ++i) others.push_back(std::async(std::launch::async, copy));
  copy();
  for (std::future<void>& other : others) other.get();
}

core::Bytes encode_safetensors(const NamedTensors& tensors, const std::map<std::string, std::string>& metadata) {
  const SafetensorsLayout layout = lay_out_safetensors(tensors, metadata);
  core::Bytes bytes(layout.size);
  fill_safetensors(layout, bytes);
  return bytes;
}

SafetensorsContent decode_safetensors(std::span<const std::byte> bytes, std::string_view name) {
  Parsed parsed = parse(bytes, name);
  SafetensorsContent content{std::move(parsed.metadata), {}};
  for (const Entry& entry : parsed.entries)
    content.tensors[entry.name] = copy_of(entry, bytes.data() + parsed.data_begin);
  return content;
}

SafetensorsContent decode_safetensors(const at::Tensor& file, std::string_view name) {
  RESOLUTE_EXPECT(file.is_cpu() && file.is_contiguous() && file.scalar_type() == at::kByte,
                  "a file in memory is a row of bytes");
  const std::span bytes(static_cast<const std::byte*>(file.const_data_ptr()), file.nbytes());
  Parsed parsed = parse(bytes, name);
  SafetensorsContent content{std::move(parsed.metadata), {}};
  const std::byte* data = bytes.data() + parsed.data_begin;
  for (const Entry& entry : parsed.entries) {
    const std::byte* at = data + entry.begin;
    // Nobody writes to it: from_blob knows no const.
    auto* place = const_cast<std::byte*>(at);
    const bool suits = reinterpret_cast<std::uintptr_t>(at) % at::elementSize(entry.type) == 0;
    content.tensors[entry.name] = suits && entry.end > entry.begin
                                      ? at::from_blob(
                                            place, entry.shape, [file](void*) {}, at::TensorOptions(entry.type))
                                      : copy_of(entry, data);
  }
  return content;
}

}  // namespace resolute::networks
