#include "datasets/pack/shard.h"

#include <algorithm>
#include <cstring>

#include "core/crc32c.h"
#include "core/sha256.h"

namespace resolute::datasets {

namespace {

constexpr std::uint64_t kMaxHeaderBytes = std::uint64_t{1} << 24;
constexpr std::uint64_t kMaxPathBytes = 4096;
constexpr std::uint64_t kMaxRows = std::uint64_t{1} << 31;

const hdf5::PlacedArray* find(const std::vector<hdf5::PlacedArray>& arrays, const std::string& name) {
  auto at = std::find_if(arrays.begin(), arrays.end(), [&](const auto& array) { return array.layout.name == name; });
  return at == arrays.end() ? nullptr : &*at;
}

}  // namespace

core::RuntimeError Shard::corrupt(const std::string& what) const {
  return core::corrupt_error(fmt::format("{}: {}", where_, what), "not what was written",
                             "remove the file and ingest the data set again");
}

Shard::Shard(const std::filesystem::path& path) : file_(path), where_(fmt::format("shard '{}'", path.string())) {
  std::vector<hdf5::PlacedArray> arrays = hdf5::read_layout(path, core::ErrorKind::kCorrupt);
  read_header(arrays);
  check_arrays(arrays);
  read_columns(arrays);
  read_views(arrays);
}

core::Bytes Shard::read_array(const std::vector<hdf5::PlacedArray>& arrays, const std::string& name) const {
  const hdf5::PlacedArray* array = find(arrays, name);
  if (array == nullptr) throw corrupt(fmt::format("data set '{}' is missing", name));
  core::Bytes bytes(static_cast<std::size_t>(array->layout.bytes()));
  file_.read_at(array->offset, bytes);
  return bytes;
}

void Shard::check_row(const std::string& name, std::size_t row, std::span<const std::byte> bytes,
                      std::uint32_t crc) const {
  if (core::crc32c(bytes) != crc) throw corrupt(fmt::format("row {} of data set '{}' fails its checksum", row, name));
}

void Shard::read_header(const std::vector<hdf5::PlacedArray>& arrays) {
  const hdf5::PlacedArray* place = find(arrays, "header");
  if (place == nullptr || place->layout.bytes() > kMaxHeaderBytes) throw corrupt("it has no usable header");
  core::Bytes text = read_array(arrays, "header");
  core::Bytes stored = read_array(arrays, crc_name("header"));
  std::uint32_t crc = 0;
  if (stored.size() != sizeof(crc)) throw corrupt("it has no usable header");
  std::memcpy(&crc, stored.data(), sizeof(crc));
  check_row("header", 0, text, crc);
  header_ = header_from_text(core::as_text(text), where_);
  if (header_.rows < 1 || header_.rows > kMaxRows) throw corrupt(fmt::format("it claims {} rows", header_.rows));
}

void Shard::check_arrays(const std::vector<hdf5::PlacedArray>& found) const {
  auto extent = [&](const char* name, std::size_t dimension, std::uint64_t otherwise) {
    const hdf5::PlacedArray* array = find(found, name);
    return array != nullptr && array->layout.shape.size() > dimension ? array->layout.shape[dimension] : otherwise;
  };
  std::uint64_t path_bytes = extent("path", 1, 1);
  if (path_bytes > kMaxPathBytes) throw corrupt(fmt::format("paths of {} bytes", path_bytes));
  ShardLayout wanted =
      shard_layout(header_.options, header_.rows, path_bytes, extent("lr_view", 0, 0), extent("header", 0, 0));
  for (const auto& array : wanted.arrays) {
    const hdf5::PlacedArray* placed = find(found, array.name);
    if (placed == nullptr) throw corrupt(fmt::format("data set '{}' is missing", array.name));
    if (placed->layout != array) throw corrupt(fmt::format("data set '{}' has another type or shape", array.name));
  }
  if (found.size() != wanted.arrays.size()) throw corrupt("it has data sets that do not belong there");
}

template <class T>
std::vector<T> Shard::read_column(const std::vector<hdf5::PlacedArray>& arrays, const std::string& name) const {
  core::Bytes bytes = read_array(arrays, name);
  core::Bytes crc_bytes = read_array(arrays, crc_name(name));
  const auto count = static_cast<std::size_t>(header_.rows);
  const std::size_t row_bytes = bytes.size() / count;
  for (std::size_t row = 0; row < count; ++row) {
    std::uint32_t crc = 0;
    std::memcpy(&crc, crc_bytes.data() + row * sizeof(crc), sizeof(crc));
    check_row(name, row, std::span(bytes).subspan(row * row_bytes, row_bytes), crc);
  }
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

void Shard::read_columns(const std::vector<hdf5::PlacedArray>& arrays) {
  auto identity = read_column<std::int64_t>(arrays, "identity");
  auto camera = read_column<std::int64_t>(arrays, "camera");
  auto subset = read_column<std::uint8_t>(arrays, "subset");
  auto native_height = read_column<std::int32_t>(arrays, "native_height");
  auto native_width = read_column<std::int32_t>(arrays, "native_width");
  auto path = read_column<char>(arrays, "path");
  auto digest = read_column<std::byte>(arrays, "source_sha256");
  const std::size_t path_bytes = path.size() / identity.size();
  rows_.reserve(identity.size());
  for (std::size_t i = 0; i < identity.size(); ++i) {
    if (native_height[i] < 1 || native_width[i] < 1 || native_height[i] > kMaxImageSide ||
        native_width[i] > kMaxImageSide)
      throw corrupt(fmt::format("row {} has a native size of {}x{}", i, native_height[i], native_width[i]));
    std::string_view padded(path.data() + i * path_bytes, path_bytes);
    PackRow row;
    row.sample = {std::string(padded.substr(0, padded.find('\0'))), identity[i], camera[i], subset_name(subset[i])};
    row.native_height = native_height[i];
    row.native_width = native_width[i];
    row.source_sha256 = core::to_hex(std::span(digest).subspan(i * 32, 32));
    rows_.push_back(std::move(row));
  }
}

void Shard::read_views(const std::vector<hdf5::PlacedArray>& arrays) {
  auto checked = [&](const std::string& name) {
    core::Bytes bytes = read_array(arrays, crc_name(name));
    Checked array{name, find(arrays, name)->offset, 0, std::vector<std::uint32_t>(bytes.size() / 4)};
    std::memcpy(array.crc.data(), bytes.data(), bytes.size());
    if (name != "lr_view") array.row_bytes = find(arrays, name)->layout.bytes() / header_.rows;
    return array;
  };
  images_.push_back(checked("hr"));
  const std::vector<int> rates = stored_rates(header_.options);
  if (rates.empty()) return;
  for (int rate : rates) images_.push_back(checked(lr_name(rate)));
  view_pixels_ = checked("lr_view");
  const std::uint64_t size = find(arrays, "lr_view")->layout.bytes();
  auto offset = read_column<std::uint64_t>(arrays, "lr_view_offset");
  auto height = read_column<std::int32_t>(arrays, "lr_view_height");
  auto width = read_column<std::int32_t>(arrays, "lr_view_width");
  for (std::size_t i = 0; i < offset.size(); ++i) {
    bool in_range = height[i] >= 1 && width[i] >= 1 && height[i] <= kMaxImageSide && width[i] <= kMaxImageSide;
    std::uint64_t bytes =
        in_range ? static_cast<std::uint64_t>(height[i]) * static_cast<std::uint64_t>(width[i]) * 3 : 0;
    if (!in_range || offset[i] > size || bytes > size - offset[i])
      throw corrupt(fmt::format("row {} of data set 'lr_view' lies outside it", i / rates.size()));
    views_.push_back({offset[i], height[i], width[i]});
  }
}

void Shard::read_checked(const Checked& array, std::size_t row, std::span<std::byte> to) const {
  RESOLUTE_EXPECT(row < rows_.size() && to.size() == array.row_bytes, "a row of " + array.name + " has another size");
  file_.read_at(array.offset + row * array.row_bytes, to);
  check_row(array.name, row, to, array.crc[row]);
}

void Shard::read_hr(std::size_t row, std::span<std::uint8_t> to) const {
  read_checked(images_.front(), row, std::as_writable_bytes(to));
}

void Shard::read_lr(std::size_t row, std::size_t rate_index, std::span<std::uint8_t> to) const {
  read_checked(images_.at(rate_index + 1), row, std::as_writable_bytes(to));
}

void Shard::read_view(std::size_t row, std::size_t rate_index, Image& to) const {
  const std::size_t rates = images_.size() - 1;
  RESOLUTE_EXPECT(row < rows_.size() && rate_index < rates, "no such LR view");
  const std::size_t number = row * rates + rate_index;
  const View& view = views_[number];
  to.height = view.height;
  to.width = view.width;
  to.pixels.resize(static_cast<std::size_t>(view.height) * static_cast<std::size_t>(view.width) * 3);
  auto bytes = std::as_writable_bytes(std::span(to.pixels));
  file_.read_at(view_pixels_.offset + view.offset, bytes);
  check_row(view_pixels_.name, row, bytes, view_pixels_.crc[number]);
}

void Shard::verify() const {
  core::Bytes buffer;
  for (std::size_t row = 0; row < rows_.size(); ++row) {
    for (const Checked& array : images_) {
      buffer.resize(static_cast<std::size_t>(array.row_bytes));
      read_checked(array, row, buffer);
    }
    Image view;
    for (std::size_t rate = 0; rate + 1 < images_.size(); ++rate) read_view(row, rate, view);
  }
}

}  // namespace resolute::datasets
