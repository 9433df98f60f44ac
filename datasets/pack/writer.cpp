#include <algorithm>
#include <map>
#include <optional>

#include "core/hash/crc32c.h"
#include "core/hash/sha256.h"
#include "core/log.h"
#include "datasets/hdf5/placed_file.h"
#include "datasets/image/degradation.h"
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
    for (const Sample& sample : samples) path_bytes_ = std::max(path_bytes_, sample.path.size());
    const PackSettings& options = header.options;
    for (std::size_t i = 0; i < sizes.size(); ++i)
      for (int rate : rates_) {
        const bool native = options.view_from == ViewFrom::kNative;
        PlannedView view = plan_view(samples[i], native ? sizes[i] : ImageSize{options.height, options.width}, rate);
        view_total_ += pixel_bytes(view.size);
        if (view.noise) views_.push_back(std::move(view));
      }
    const std::vector<hdf5::ArrayLayout> arrays = shard_layout(header, path_bytes_, view_total_, text_.size());
    image_ = hdf5::lay_out(arrays);
    const std::vector<std::string> images = image_array_names(options);
    for (std::size_t i = 0; i < arrays.size(); ++i)
      if (std::ranges::find(images, arrays[i].name) != images.end())
        pixels_.try_emplace(arrays[i].name, i);
      else
        columns_[arrays[i].name].reserve(static_cast<std::size_t>(arrays[i].bytes()));
    file_ = std::make_unique<hdf5::PlacedFile>(files, path, image_);
  }

  void add(const Sample& sample, const Image& native, const core::Sha256Digest& digest, bool truncated) {
    const PackSettings& options = header_.options;
    resize_into(native, options.height, options.width, Kernel::kTriangle, hr_image_, scratch_);
    add_pixels("hr", hr_image_);
    for (int rate : rates_) {
      low_resolution_view_into(hr_image_, rate, options.kernel, lr_image_, scratch_);
      add_pixels(lr_name(rate), lr_image_);
    }
    if (!rates_.empty()) add_views(sample, options.view_from == ViewFrom::kNative ? native : hr_image_);
    add_value<std::int64_t>("identity", sample.identity);
    add_value<std::int64_t>("camera", sample.camera);
    add_value<std::uint8_t>("subset", subset_code(sample.subset));
    add_value<std::int32_t>("native_height", native.height);
    add_value<std::int32_t>("native_width", native.width);
    std::string path = sample.path;
    path.resize(path_bytes_, '\0');
    add_bytes("path", core::as_byte_span(path));
    add_bytes("source_sha256", digest);
    if (header_.tell_origin) {
      add_value<std::int32_t>("source_rate", sample.rate);
      add_value<std::uint64_t>("test_sets", sample.test_sets);
    }
    if (tells_truncated(options)) add_value<std::uint8_t>("truncated", truncated ? 1 : 0);
    ++row_;
  }

  void publish() {
    RESOLUTE_EXPECT(row_ == header_.rows && (rates_.empty() || pixels_.at("lr_view").bytes() == view_total_),
                    "a shard was not filled");
    for (auto& [name, rows] : pixels_) rows.flush(*file_);
    add_bytes("header", core::as_byte_span(text_));
    for (std::size_t i = 0; i < image_.arrays.size(); ++i) {
      const hdf5::ArrayLayout& array = image_.arrays[i].layout;
      if (pixels_.contains(array.name)) continue;
      const core::Bytes& column = columns_.at(array.name);
      RESOLUTE_EXPECT(column.size() == array.bytes(), "a column was not filled");
      file_->write(i, 0, column);
    }
    file_->publish();
  }

 private:
  void add_crc(const std::string& name, std::span<const std::byte> row) {
    core::append_little_endian(columns_.at(crc_name(name)), core::crc32c(row));
  }
  void add_bytes(const std::string& name, std::span<const std::byte> row) {
    core::append_bytes(columns_.at(name), row);
    add_crc(name, row);
  }
  template <class T>
  void add_value(const std::string& name, T value) {
    add_bytes(name, std::as_bytes(std::span(&value, 1)));
  }
  void add_pixels(const std::string& name, const Image& image) {
    const auto row = std::as_bytes(std::span(image.pixels));
    add_crc(name, row);
    pixels_.at(name).add(*file_, row);
  }
  // A view before its image is read.
  struct PlannedView {
    ImageSize size;
    Degradation drawn = {};
    std::optional<core::RandomStream> noise = {};  // goes on behind the draws; nothing where no view is degraded
  };
  // By the image's path: a view does not depend on which other images there are.
  PlannedView plan_view(const Sample& sample, const ImageSize& from, int rate) const {
    const settings::DegradationSettings& degradation = header_.options.degradation;
    PlannedView view{shrunk_size(from, rate)};
    if (!degradation.any()) return view;
    view.noise.emplace("degraded view of " + sample.path,
                       std::initializer_list<std::uint64_t>{static_cast<std::uint64_t>(rate)});
    view.drawn = draw_degradation(degradation, *view.noise);
    if (!degradation.rate.empty()) view.size = shrunk_size(from, view.drawn.rate);
    return view;
  }
  void add_views(const Sample& sample, const Image& from) {
    std::vector<std::uint64_t> offsets;
    std::vector<std::int32_t> heights, widths;
    for (std::size_t i = 0; i < rates_.size(); ++i) {
      PlannedView view = views_.empty() ? plan_view(sample, {from.height, from.width}, rates_[i])
                                        : std::move(views_.at(row_ * rates_.size() + i));
      resize_into(from, view.size.height, view.size.width, header_.options.kernel, lr_image_, scratch_);
      if (view.noise) degrade(lr_image_, view.drawn, *view.noise, degradation_scratch_);
      offsets.push_back(pixels_.at("lr_view").bytes());
      heights.push_back(lr_image_.height);
      widths.push_back(lr_image_.width);
      add_pixels("lr_view", lr_image_);
    }
    add_bytes("lr_view_offset", std::as_bytes(std::span(offsets)));
    add_bytes("lr_view_height", std::as_bytes(std::span(heights)));
    add_bytes("lr_view_width", std::as_bytes(std::span(widths)));
  }

  const ShardHeader& header_;
  std::string text_;
  std::vector<int> rates_;
  std::size_t path_bytes_ = 1;
  std::vector<PlannedView> views_;  // of each image, by rate, where they are degraded
  std::uint64_t view_total_ = 0;
  hdf5::FileImage image_;
  std::map<std::string, PixelRows> pixels_;     // by data set, as the columns
  std::map<std::string, core::Bytes> columns_;  // of all other data sets, checksums too
  std::uint64_t row_ = 0;
  std::unique_ptr<hdf5::PlacedFile> file_;

  // Kept from image to image for their memory.
  Image hr_image_, lr_image_;
  ResizeScratch scratch_;
  DegradationScratch degradation_scratch_;
};

// Why the shard at `path` must be made: nothing if it stands there intact, says of itself what `wanted` says and was
// made from the bytes that the raw files have now; an empty text if there is none. \param odd where nothing is to be
// made, what there is of such images
std::optional<std::string> reason_to_make(core::FileSystem& files, const fs::path& path, const RawReader& reader,
                                          std::span<const Sample> samples, const ShardHeader& wanted, OddImages& odd) {
  if (!files.exists(path)) return "";
  std::vector<PackRow> rows;
  try {
    const Shard shard(path);
    if (header_text(shard.header()) != header_text(wanted))
      return fmt::format("'{}' was made otherwise", path.string());
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

core::RuntimeError sealed_error(const ShardHeader& wanted, const fs::path& pack_folder, std::string_view why) {
  return core::input_error(fmt::format("pack '{}' is sealed", wanted.options.name), why,
                           fmt::format("give another name, or remove the folder '{}'", pack_folder.string()));
}

constexpr std::string_view kOtherImages = "made from other images";

// The rows of the sealed pack's manifest that `wanted` must reproduce; nothing if the pack is not sealed. Results name
// the seal: under it a shard may only be made again to the bytes it had.
std::optional<std::vector<PackRow>> sealed_rows(core::FileSystem& files, const fs::path& pack_folder,
                                                const ShardHeader& wanted) {
  if (!files.exists(pack_folder / "pack.json")) return std::nullopt;
  const PackFile pack = read_pack_file(files, pack_folder).pack;
  if (pack.options != wanted.options) throw sealed_error(wanted, pack_folder, "made with other settings");
  if (pack.listing_sha256 != wanted.listing_sha256 || pack.rows != wanted.total_rows)
    throw sealed_error(wanted, pack_folder, kOtherImages);
  if (pack.decoder != wanted.decoder || pack.hdf5 != wanted.hdf5)
    throw sealed_error(wanted, pack_folder,
                       fmt::format("made with {} and HDF5 {}; here are {} and HDF5 {}", pack.decoder, pack.hdf5,
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
      // The bytes that are hashed are decoded too, whatever happens to the file meanwhile.
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
      throw sealed_error(header, path.parent_path(), kOtherImages);
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
                     std::ranges::any_of(samples, tells_origin)};
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
