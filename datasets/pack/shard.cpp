#include "datasets/pack/shard.h"

#include <algorithm>
#include <cstring>

#include "core/hash/crc32c.h"
#include "core/hash/sha256.h"
#include "datasets/image/low_resolution.h"
#include "datasets/pack/pack_file.h"

namespace resolute::datasets {

namespace {

constexpr std::uint64_t kMaxHeaderBytes = std::uint64_t{1} << 24;
constexpr std::uint64_t kMaxPathBytes = 4096;
constexpr std::uint64_t kMaxRows = std::uint64_t{1} << 31;
// So much is read at a time by who reads all: it is hashed and checked while a processor's cache still holds it.
constexpr std::size_t kPieceBytes = std::size_t{64} << 10;

template <class T>
std::vector<T> values_of(const core::Bytes& bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  return values;
}

bool is_possible(const ImageSize& size) {
  return size.height >= 1 && size.width >= 1 && size.height <= kMaxImageSide && size.width <= kMaxImageSide;
}

}  // namespace

core::RuntimeError Shard::corrupt(const std::string& problem) const {
  return core::corrupt_error(fmt::format("{}: {}", where_, problem), "not what was written", kPackDamageAdvice);
}

Shard::Shard(const fs::path& path)
    : file_(core::real_file_system().open_for_read(path)),
      where_(fmt::format("shard '{}'", path.string())),
      arrays_(hdf5::read_layout(path, kPackDamageAdvice)) {
  read_header();
  check_arrays();
  for (const std::string& name : image_array_names(header_.options)) {
    const hdf5::PlacedArray& array = *find(name);
    images_.push_back({name, array.offset, name == "lr_view" ? 0 : array.layout.bytes() / header_.rows});
  }
}

const hdf5::PlacedArray* Shard::find(const std::string& name) const {
  auto at = std::lower_bound(arrays_.begin(), arrays_.end(), name,
                             [](const auto& array, const std::string& wanted) { return array.layout.name < wanted; });
  return at == arrays_.end() || at->layout.name != name ? nullptr : &*at;
}

core::Bytes Shard::read_array(const std::string& name) const {
  const hdf5::PlacedArray* array = find(name);
  if (array == nullptr) throw corrupt(fmt::format("data set '{}' is missing", name));
  core::Bytes bytes(static_cast<std::size_t>(array->layout.bytes()));
  file_->read_at(array->offset, bytes);
  return bytes;
}

Shard::Checksums Shard::read_checksums(const std::string& name) const {
  return values_of<std::uint32_t>(read_array(crc_name(name)));
}

void Shard::check_row(const std::string& name, std::size_t row, std::uint32_t found, std::uint32_t expected) const {
  if (found != expected) throw corrupt(fmt::format("row {} of data set '{}' fails its checksum", row, name));
}

void Shard::read_header() {
  const hdf5::PlacedArray* place = find("header");
  if (place == nullptr || place->layout.bytes() > kMaxHeaderBytes) throw corrupt("it has no usable header");
  core::Bytes text = read_array("header");
  core::Bytes stored = read_array(crc_name("header"));
  std::uint32_t crc = 0;
  if (stored.size() != sizeof(crc)) throw corrupt("it has no usable header");
  std::memcpy(&crc, stored.data(), sizeof(crc));
  check_row("header", 0, core::crc32c(text), crc);
  header_ = header_from_text(core::as_text(text), where_);
  if (header_.rows < 1 || header_.rows > kMaxRows) throw corrupt(fmt::format("it claims {} rows", header_.rows));
}

void Shard::check_arrays() const {
  auto extent = [&](const char* name, std::size_t dimension, std::uint64_t otherwise) {
    const hdf5::PlacedArray* array = find(name);
    return array != nullptr && array->layout.shape.size() > dimension ? array->layout.shape[dimension] : otherwise;
  };
  std::uint64_t path_bytes = extent("path", 1, 1);
  if (path_bytes > kMaxPathBytes) throw corrupt(fmt::format("paths of {} bytes", path_bytes));
  const auto wanted = shard_layout(header_, path_bytes, extent("lr_view", 0, 0), extent("header", 0, 0));
  for (const hdf5::ArrayLayout& array : wanted) {
    const hdf5::PlacedArray* placed = find(array.name);
    if (placed == nullptr) throw corrupt(fmt::format("data set '{}' is missing", array.name));
    if (placed->layout != array) throw corrupt(fmt::format("data set '{}' has another type or shape", array.name));
  }
  if (arrays_.size() != wanted.size()) throw corrupt("it has data sets that do not belong there");
}

template <class T>
std::vector<T> Shard::read_column(const std::string& name) const {
  const core::Bytes bytes = read_array(name);
  const Checksums crc = read_checksums(name);
  const std::size_t row_bytes = bytes.size() / size();
  for (std::size_t row = 0; row < size(); ++row)
    check_row(name, row, core::crc32c(std::span(bytes).subspan(row * row_bytes, row_bytes)), crc[row]);
  return values_of<T>(bytes);
}

std::vector<std::int32_t> Shard::read_source_rates() const {
  if (!header_.tell_origin) return std::vector<std::int32_t>(size(), 1);
  auto rates = read_column<std::int32_t>("source_rate");
  for (std::size_t i = 0; i < rates.size(); ++i)
    if (rates[i] < 0 || rates[i] > settings::kLargestRate)
      throw corrupt(fmt::format("row {} has a source_rate of {}", i, rates[i]));
  return rates;
}

int Shard::source_rate(std::size_t row) const {
  if (!header_.tell_origin) return 1;
  return source_rates_.get([&] { return read_source_rates(); }).at(row);
}

void Shard::append_rows(std::vector<PackRow>& to) const {
  const auto identity = read_column<std::int64_t>("identity");
  const auto camera = read_column<std::int64_t>("camera");
  const auto subset = read_column<std::uint8_t>("subset");
  const auto native_height = read_column<std::int32_t>("native_height");
  const auto native_width = read_column<std::int32_t>("native_width");
  const auto path = read_column<char>("path");
  const auto digest = read_column<std::byte>("source_sha256");
  const auto rate = read_source_rates();
  const auto test_sets = header_.tell_origin ? read_column<std::uint64_t>("test_sets") : std::vector<std::uint64_t>();
  const auto truncated =
      tells_truncated(header_.options) ? read_column<std::uint8_t>("truncated") : std::vector<std::uint8_t>(size());
  const std::size_t path_bytes = path.size() / size();
  for (std::size_t i = 0; i < size(); ++i) {
    if (!is_possible({native_height[i], native_width[i]}))
      throw corrupt(fmt::format("row {} has a native size of {}x{}", i, native_height[i], native_width[i]));
    const std::string_view padded(path.data() + i * path_bytes, path_bytes);
    PackRow row;
    row.sample.path = padded.substr(0, padded.find('\0'));
    row.sample.identity = identity[i];
    row.sample.camera = camera[i];
    row.sample.subset = subset_name(subset[i]);
    row.sample.rate = rate[i];
    if (header_.tell_origin) row.sample.test_sets = test_sets[i];
    row.native_height = native_height[i];
    row.native_width = native_width[i];
    row.source_sha256 = core::to_hex(std::span(digest).subspan(i * 32, 32));
    if (truncated[i] > 1) throw corrupt(fmt::format("row {} has {} as truncated", i, truncated[i]));
    row.truncated = truncated[i] == 1;
    try {
      check_sample(row.sample, to.empty() ? nullptr : &to.back().sample, fmt::format("row {}", i));
    } catch (const core::RuntimeError& error) {
      throw corrupt(error.what());
    }
    to.push_back(std::move(row));
  }
}

const std::vector<Shard::View>& Shard::views() const {
  return views_.get([&] {
    const std::uint64_t all = find("lr_view")->layout.bytes();
    const auto offset = read_column<std::uint64_t>("lr_view_offset");
    const auto height = read_column<std::int32_t>("lr_view_height");
    const auto width = read_column<std::int32_t>("lr_view_width");
    const std::size_t rates = offset.size() / size();
    std::vector<View> views;
    views.reserve(offset.size());
    for (std::size_t i = 0; i < offset.size(); ++i) {
      const View view{offset[i], {height[i], width[i]}};
      if (!is_possible(view.size) || view.offset > all || view.bytes() > all - view.offset)
        throw corrupt(fmt::format("row {} of data set 'lr_view' lies outside it", i / rates));
      views.push_back(view);
    }
    return views;
  });
}

const std::vector<Shard::Checksums>& Shard::checksums() const {
  return checksums_.get([&] {
    std::vector<Checksums> all;
    for (const Pixels& array : images_) all.push_back(read_checksums(array.name));
    return all;
  });
}

void Shard::read_checked(std::size_t array, std::size_t row, std::span<std::uint8_t> to) const {
  const Pixels& from = images_.at(array);
  RESOLUTE_EXPECT(row < size() && from.row_bytes > 0 && to.size() == from.row_bytes,
                  "a row of " + from.name + " has another size");
  const auto bytes = std::as_writable_bytes(to);
  file_->read_at(from.offset + row * from.row_bytes, bytes);
  check_row(from.name, row, core::crc32c(bytes), checksums()[array][row]);
}

void Shard::read_hr(std::size_t row, std::span<std::uint8_t> to) const { read_checked(0, row, to); }

void Shard::read_lr(std::size_t row, std::size_t rate_index, std::span<std::uint8_t> to) const {
  read_checked(rate_index + 1, row, to);
}

void Shard::read_view(std::size_t row, std::size_t rate_index, Image& to) const {
  const std::size_t rates = images_.size() < 3 ? 0 : images_.size() - 2;
  RESOLUTE_EXPECT(row < size() && rate_index < rates, "no such LR view");
  const std::size_t number = row * rates + rate_index;
  const View& view = views()[number];
  set_size(to, view.size);
  const auto bytes = std::as_writable_bytes(std::span(to.pixels));
  file_->read_at(images_.back().offset + view.offset, bytes);
  check_row(images_.back().name, row, core::crc32c(bytes), checksums().back()[number]);
}

// Compares rows with their checksums while the file goes by in pieces.
class Shard::Pass {
 public:
  explicit Pass(const Shard& shard) : shard_(shard) {
    for (const auto& [layout, offset] : shard.arrays_)
      if (layout.name != "header" && shard.find(crc_name(layout.name)) != nullptr)
        arrays_.push_back(
            {layout.name, offset, layout.bytes(), layout.name == "lr_view", shard.read_checksums(layout.name)});
    rates_ = stored_rates(shard.header_.options).size();
    if (rates_ > 0) check_views();
    std::ranges::sort(arrays_, {}, &Array::offset);
    for (std::size_t i = 1; i < arrays_.size(); ++i)
      if (arrays_[i].offset < arrays_[i - 1].offset + arrays_[i - 1].bytes)
        throw shard.corrupt(fmt::format("data sets '{}' and '{}' overlap", arrays_[i - 1].name, arrays_[i].name));
    begin_row(arrays_.front().offset);
  }

  //! \param at where `bytes` lie in the file: behind those of the call before
  void take(std::uint64_t at, std::span<const std::byte> bytes) {
    const std::uint64_t end = at + bytes.size();
    while (array_ < arrays_.size() && next_ < end) {
      const auto count = static_cast<std::size_t>(std::min(end - next_, row_end_ - next_));
      crc_ = core::crc32c(bytes.subspan(static_cast<std::size_t>(next_ - at), count), crc_);
      next_ += count;
      if (next_ == row_end_) end_row();
    }
  }

  void finish() const {
    if (array_ < arrays_.size()) throw shard_.corrupt(fmt::format("data set '{}' is cut", arrays_[array_].name));
  }

 private:
  struct Array {
    std::string name;
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
    bool views = false;
    Checksums crc;
  };

  // The writer puts one behind the other. Then one pass meets them all.
  void check_views() const {
    std::uint64_t at = 0;
    const auto& views = shard_.views();
    for (std::size_t i = 0; i < views.size(); at += views[i++].bytes())
      if (views[i].offset != at)
        throw shard_.corrupt(fmt::format("row {} of data set 'lr_view' is not behind the one before", i / rates_));
    if (at != shard_.find("lr_view")->layout.bytes())
      throw shard_.corrupt("data set 'lr_view' is longer than its images");
  }
  void begin_row(std::uint64_t at) {
    const Array& array = arrays_[array_];
    next_ = at;
    row_end_ = at + (array.views ? shard_.views()[number_].bytes() : array.bytes / shard_.size());
    crc_ = 0;
  }
  void end_row() {
    const Array& array = arrays_[array_];
    shard_.check_row(array.name, array.views ? number_ / rates_ : number_, crc_, array.crc[number_]);
    if (++number_ == array.crc.size()) {
      number_ = 0;
      if (++array_ == arrays_.size()) return;
      next_ = arrays_[array_].offset;
    }
    begin_row(next_);
  }

  const Shard& shard_;
  std::vector<Array> arrays_;  // by offset
  std::size_t rates_ = 0;
  std::size_t array_ = 0;   // the one that is being read
  std::size_t number_ = 0;  // of its row, or of its image in lr_view
  std::uint64_t next_ = 0;  // the next byte of it, from the start of the file
  std::uint64_t row_end_ = 0;
  std::uint32_t crc_ = 0;
};

// From its first byte to its last, in pieces that are compared as they come and then given to `each`.
void Shard::read_whole(const std::function<void(std::span<const std::byte>)>& each) const {
  Pass pass(*this);
  core::Bytes buffer(kPieceBytes);
  const std::uint64_t size = file_->size();
  for (std::uint64_t at = 0; at < size;) {
    const auto piece =
        std::span(buffer).first(static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), size - at)));
    file_->read_at(at, piece);
    pass.take(at, piece);
    each(piece);
    at += piece.size();
  }
  pass.finish();
}

void Shard::verify() const {
  read_whole([](auto) {});
}

std::string Shard::verify_and_hash() const {
  core::Sha256 hash;
  read_whole([&](std::span<const std::byte> piece) { hash.update(piece); });
  return hash.finish_hex();
}

}  // namespace resolute::datasets
