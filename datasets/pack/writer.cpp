#include <algorithm>
#include <array>
#include <optional>

#include "core/hash/crc32c.h"
#include "core/hash/sha256.h"
#include "core/log.h"
#include "datasets/hdf5/placed_file.h"
#include "datasets/image/low_resolution.h"
#include "datasets/pack/pack.h"
#include "datasets/pack/pack_file.h"
#include "datasets/pack/shard.h"
#include "datasets/samples/remarks.h"

namespace resolute::datasets {
namespace {

// After `first`, what is wrong with an image: looks at all of them, since whoever has one damaged file has more.
// \throws RefusedFiles; `first` where it says nothing of a file or the images are in order by now
[[noreturn]] void throw_damaged(const RawReader& reader, std::span<const Sample> samples, TruncatedImages truncated,
                                const core::RuntimeError& first) {
  Remarks remarks;
  Image image;
  if (first.kind() == core::ErrorKind::kInput)
    for (const Sample& sample : samples)
      remarks.gather(sample.path, [&] {
        reader.size(sample.path);
        decode_image_into(reader.read(sample.path), reader.place(sample.path), image, truncated);
      });
  remarks.throw_refused();
  throw core::RuntimeError(first);
}

// First pass: the headers alone, for the sizes that decide where everything lies.
std::vector<ImageSize> survey(const RawReader& reader, std::span<const Sample> samples, TruncatedImages truncated) {
  std::vector<ImageSize> sizes;
  sizes.reserve(samples.size());
  try {
    for (const Sample& sample : samples) sizes.push_back(reader.size(sample.path));
  } catch (const core::RuntimeError& error) {
    throw_damaged(reader, samples, truncated, error);
  }
  return sizes;
}

// Rows of an image data set on their way to the file: small ones wait for their neighbours, which saves calls and pages
// that are written twice.
class PixelRows {
 public:
  explicit PixelRows(std::size_t array) : array_(array) {}
  void add(hdf5::PlacedFile& file, std::span<const std::byte> bytes) {
    constexpr std::size_t kMostWaiting = std::size_t{64} << 10;
    if (bytes.size() < kMostWaiting / 2) {
      if (waiting_.size() + bytes.size() > kMostWaiting) flush(file);
      core::append_bytes(waiting_, bytes);
    } else {
      flush(file);  // those that wait come before it
      file.write(array_, at_, bytes);
      at_ += bytes.size();
    }
  }
  void flush(hdf5::PlacedFile& file) {
    file.write(array_, at_, waiting_);
    at_ += waiting_.size();
    waiting_.clear();
  }
  std::uint64_t bytes() const { return at_ + waiting_.size(); }

 private:
  std::size_t array_;
  std::uint64_t at_ = 0;  // what is in the file
  core::Bytes waiting_;
};

// Fills a shard: image rows as they come, the small columns at the end.
class ShardFile {
 public:
  ShardFile(core::FileSystem& files, const fs::path& path, const ShardHeader& header, std::span<const Sample> samples,
            std::span<const ImageSize> sizes)
      : header_(header), text_(header_text(header)), rates_(stored_rates(header.options)) {
    std::uint64_t path_bytes = 1;
    for (const Sample& sample : samples) path_bytes = std::max<std::uint64_t>(path_bytes, sample.path.size());
    for (const ImageSize& size : sizes)
      for (int rate : rates_) view_total_ += view_bytes(header.options, size, rate);
    path_bytes_ = static_cast<std::size_t>(path_bytes);
    layout_ = shard_layout(header, path_bytes, view_total_, text_.size());
    image_ = hdf5::lay_out(layout_.arrays);
    columns_.resize(layout_.arrays.size());
    hr_ = pixel_rows("hr");
    for (int rate : rates_) lr_.push_back(pixel_rows(lr_name(rate)));
    if (!rates_.empty()) {
      views_ = pixel_rows("lr_view");
      view_offset_ = column("lr_view_offset");
      view_height_ = column("lr_view_height");
      view_width_ = column("lr_view_width");
    }
    for (const char* name : kPlainColumns) plain_.push_back(column(name));
    if (header_.tell_origin)
      for (const char* name : kOriginColumns) origin_.push_back(column(name));
    if (tells_truncated(header_.options)) truncated_ = column("truncated");
    file_ = std::make_unique<hdf5::PlacedFile>(files, path, image_);
  }

  void add(const Sample& sample, const Image& native, const core::Sha256Digest& digest, bool truncated) {
    const PackSettings& options = header_.options;
    resize_into(native, options.height, options.width, Kernel::kTriangle, hr_image_, scratch_);
    add_pixels(*hr_, hr_image_);
    for (std::size_t i = 0; i < rates_.size(); ++i) {
      low_resolution_view_into(hr_image_, rates_[i], options.kernel, lr_image_, scratch_);
      add_pixels(*lr_[i], lr_image_);
    }
    if (!rates_.empty()) add_views(options.view_from == ViewFrom::kNative ? native : hr_image_);
    add_value<std::int64_t>(plain_[0], sample.identity);
    add_value<std::int64_t>(plain_[1], sample.camera);
    add_value<std::uint8_t>(plain_[2], subset_code(sample.subset));
    add_value<std::int32_t>(plain_[3], native.height);
    add_value<std::int32_t>(plain_[4], native.width);
    path_.assign(sample.path);
    path_.resize(path_bytes_, '\0');
    add_bytes(plain_[5], core::as_byte_span(path_));
    add_bytes(plain_[6], digest);
    if (header_.tell_origin) {
      add_value<std::int32_t>(origin_[0], sample.rate);
      add_value<std::uint64_t>(origin_[1], sample.test_sets);
    }
    if (tells_truncated(header_.options)) add_value<std::uint8_t>(truncated_, truncated ? 1 : 0);
    ++row_;
  }

  void publish() {
    RESOLUTE_EXPECT(row_ == header_.rows && (rates_.empty() || views_->rows.bytes() == view_total_),
                    "a shard was not filled");
    hr_->rows.flush(*file_);
    for (auto& lr : lr_) lr->rows.flush(*file_);
    if (views_) views_->rows.flush(*file_);
    auto text = core::as_byte_span(text_);
    core::append_bytes(columns_[layout_.index("header")], text);
    core::append_little_endian(columns_[layout_.index(crc_name("header"))], core::crc32c(text));
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (columns_[i].empty()) continue;
      RESOLUTE_EXPECT(columns_[i].size() == layout_.arrays[i].bytes(), "a column was not filled");
      file_->write(i, 0, columns_[i]);
    }
    file_->publish();
  }

 private:
  static constexpr std::array<const char*, 7> kPlainColumns{"identity",     "camera", "subset",       "native_height",
                                                            "native_width", "path",   "source_sha256"};
  static constexpr std::array<const char*, 2> kOriginColumns{"source_rate", "test_sets"};
  struct Column {
    std::size_t values = 0;  // numbers of arrays
    std::size_t crc = 0;
  };
  struct Pixels {
    PixelRows rows;
    std::size_t crc;
  };

  static std::uint64_t view_bytes(const PackSettings& options, const ImageSize& size, int rate) {
    const bool native = options.view_from == ViewFrom::kNative;
    return static_cast<std::uint64_t>(std::max((native ? size.height : options.height) / rate, 1)) *
           static_cast<std::uint64_t>(std::max((native ? size.width : options.width) / rate, 1)) * 3;
  }
  // A column of the layout, with room for all of its rows.
  std::size_t reserved(const std::string& name) {
    const std::size_t number = layout_.index(name);
    columns_[number].reserve(static_cast<std::size_t>(layout_.arrays[number].bytes()));
    return number;
  }
  Column column(const std::string& name) { return {reserved(name), reserved(crc_name(name))}; }
  std::unique_ptr<Pixels> pixel_rows(const std::string& name) {
    return std::make_unique<Pixels>(Pixels{PixelRows(layout_.index(name)), reserved(crc_name(name))});
  }
  void add_bytes(const Column& to, std::span<const std::byte> bytes) {
    core::append_bytes(columns_[to.values], bytes);
    core::append_little_endian(columns_[to.crc], core::crc32c(bytes));
  }
  template <class T>
  void add_value(const Column& to, T value) {
    add_bytes(to, std::as_bytes(std::span(&value, 1)));
  }
  void add_pixels(Pixels& to, const Image& image) {
    const auto bytes = std::as_bytes(std::span(image.pixels));
    core::append_little_endian(columns_[to.crc], core::crc32c(bytes));
    to.rows.add(*file_, bytes);
  }
  void add_views(const Image& from) {
    offsets_.clear();
    heights_.clear();
    widths_.clear();
    for (int rate : rates_) {
      low_resolution_view_into(from, rate, header_.options.kernel, lr_image_, scratch_);
      offsets_.push_back(views_->rows.bytes());
      heights_.push_back(lr_image_.height);
      widths_.push_back(lr_image_.width);
      add_pixels(*views_, lr_image_);
    }
    add_bytes(view_offset_, std::as_bytes(std::span(offsets_)));
    add_bytes(view_height_, std::as_bytes(std::span(heights_)));
    add_bytes(view_width_, std::as_bytes(std::span(widths_)));
  }

  const ShardHeader& header_;
  std::string text_;
  std::vector<int> rates_;
  std::size_t path_bytes_ = 1;
  std::uint64_t view_total_ = 0;
  ShardLayout layout_;
  hdf5::FileImage image_;
  std::vector<core::Bytes> columns_;  // by array; empty for the images
  std::uint64_t row_ = 0;
  std::unique_ptr<hdf5::PlacedFile> file_;

  std::unique_ptr<Pixels> hr_;
  std::vector<std::unique_ptr<Pixels>> lr_;  // by rate
  std::unique_ptr<Pixels> views_;
  Column view_offset_, view_height_, view_width_;
  std::vector<Column> plain_, origin_;
  Column truncated_;

  // Of one image, kept for the next.
  Image hr_image_, lr_image_;
  ResizeScratch scratch_;
  std::string path_;
  std::vector<std::uint64_t> offsets_;
  std::vector<std::int32_t> heights_, widths_;
};

bool same(const ShardHeader& a, const ShardHeader& b) { return header_text(a) == header_text(b); }

// Why the shard at `path` must be made: nothing if it stands there intact, says of itself what `wanted` says and was
// made from the bytes that the raw files have now; an empty text if there is none. \param odd where nothing is to be
// made, what there is of such images
std::optional<std::string> reason_to_make(core::FileSystem& files, const fs::path& path, const RawReader& reader,
                                          std::span<const Sample> samples, const ShardHeader& wanted, OddImages& odd) {
  if (!files.exists(path)) return "";
  std::vector<PackRow> rows;
  try {
    const Shard shard(path);
    if (!same(shard.header(), wanted)) return fmt::format("'{}' was made otherwise", path.string());
    shard.verify();
    rows.reserve(shard.size());
    shard.append_rows(rows);
  } catch (const core::RuntimeError& error) {
    if (error.kind() != core::ErrorKind::kCorrupt && error.kind() != core::ErrorKind::kInput) throw;
    return error.what();
  }
  // Names and settings say nothing of pixels: the files may have been overwritten, or be another root's of these names.
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const core::Bytes bytes = reader.read(samples[i].path);
    if (rows.at(i).sample != samples[i] || rows[i].source_sha256 != core::sha256_hex(bytes))
      return fmt::format("'{}' was made when '{}' had other bytes", path.string(), reader.place(samples[i].path));
    odd.look_at(bytes, samples[i].path, rows[i].truncated);
  }
  return std::nullopt;
}

core::RuntimeError sealed_error(const ShardHeader& wanted, std::string_view why) {
  return core::input_error(fmt::format("pack '{}' is sealed", wanted.options.name), why,
                           "give another name or remove it");
}

constexpr std::string_view kOtherImages = "made from other images";

// The rows of the sealed pack's manifest that `wanted` must reproduce; nothing if the pack is not sealed. Results name
// the seal: under it a shard may only be made again to the bytes it had.
std::optional<std::vector<PackRow>> sealed_rows(core::FileSystem& files, const fs::path& pack_folder,
                                                const ShardHeader& wanted) {
  if (!files.exists(pack_folder / "pack.json")) return std::nullopt;
  const PackFile pack = read_pack_file(files, pack_folder).pack;
  if (pack.options != wanted.options) throw sealed_error(wanted, "made with other settings");
  if (pack.listing_sha256 != wanted.listing_sha256 || pack.rows != wanted.total_rows)
    throw sealed_error(wanted, kOtherImages);
  if (pack.decoder != wanted.decoder || pack.hdf5 != wanted.hdf5)
    throw sealed_error(wanted, fmt::format("made with {} and HDF5 {}; here are {} and HDF5 {}", pack.decoder, pack.hdf5,
                                           wanted.decoder, wanted.hdf5));
  const std::string where = (pack_folder / "manifest.json").string();
  auto rows = manifest_from_json(core::parse_json(read_sealed_manifest(files, pack_folder, pack), where), where);
  if (rows.size() != pack.rows)
    throw core::corrupt_error(fmt::format("'{}' has {} rows", where, rows.size()),
                              fmt::format("pack.json says {}", pack.rows));
  auto first = rows.begin() + static_cast<std::ptrdiff_t>(wanted.first_row);
  return std::vector<PackRow>(first, first + static_cast<std::ptrdiff_t>(wanted.rows));
}

OddImages make_shard(core::FileSystem& files, const RawReader& reader, std::span<const Sample> samples,
                     const fs::path& path, const ShardHeader& header, const std::vector<PackRow>* sealed) {
  const TruncatedImages truncated = header.options.truncated_images;
  const std::vector<ImageSize> sizes = survey(reader, samples, truncated);
  ShardFile file(files, path, header, samples, sizes);
  Image native;
  OddImages odd;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const Sample& sample = samples[i];
    const std::string place = reader.place(sample.path);
    core::Sha256Digest digest;
    bool filled = false;
    try {
      // What is decoded is what was hashed, whatever happens to the file meanwhile.
      const core::Bytes bytes = reader.read(sample.path);
      digest = core::sha256(bytes);
      filled = decode_image_into(bytes, place, native, truncated);
      odd.look_at(bytes, sample.path, filled);
    } catch (const core::RuntimeError& error) {
      throw_damaged(reader, samples, truncated, error);
    }
    if (ImageSize{native.height, native.width} != sizes[i])
      throw core::input_error(fmt::format("'{}' changed while it was packed", place), "its size is another one",
                              "let nobody write there and ingest again");
    if (sealed != nullptr &&
        PackRow{sample, native.height, native.width, core::to_hex(digest), filled} != sealed->at(i))
      throw sealed_error(header, kOtherImages);
    file.add(sample, native, digest, filled);
  }
  file.publish();
  return odd;
}

}  // namespace

ShardResult write_shard(core::FileSystem& files, const RawReader& reader, const std::vector<Sample>& samples,
                        const PackSettings& options, int shard, const fs::path& pack_folder) {
  settings::check(options);
  if (shard < 0 || shard >= options.shards)
    throw core::input_error(fmt::format("pack '{}' has no shard {}", options.name, shard),
                            fmt::format("its shards are 0 to {}", options.shards - 1));
  if (samples.size() < static_cast<std::size_t>(options.shards))
    throw core::input_error(
        fmt::format("pack '{}' has {} images for {} shards", options.name, samples.size(), options.shards),
        "a shard holds at least one image", "ask for fewer shards");
  RowRange range = shard_rows(samples.size(), shard, options.shards);
  ShardHeader header{options,
                     shard,
                     range.begin,
                     range.end - range.begin,
                     samples.size(),
                     listing_sha256(samples),
                     decoder_versions(),
                     hdf5::library_version(),
                     tell_origin(samples)};
  const fs::path path = pack_folder / shard_file_name(shard);
  const auto part = std::span(samples).subspan(range.begin, range.end - range.begin);
  ShardResult result{header.rows, header.listing_sha256};
  if (auto reason = reason_to_make(files, path, reader, part, header, result.odd)) {
    const auto sealed = sealed_rows(files, pack_folder, header);
    result.odd = make_shard(files, reader, part, path, header, sealed ? &*sealed : nullptr);
    if (!reason->empty()) core::log_warning("{}; it was made again", *reason);
  }
  return result;
}

}  // namespace resolute::datasets
