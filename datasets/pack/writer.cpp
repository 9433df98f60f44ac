#include <algorithm>
#include <cstring>
#include <optional>

#include "core/crc32c.h"
#include "core/log.h"
#include "core/sha256.h"
#include "datasets/hdf5/placed_file.h"
#include "datasets/hdf5/raw_file.h"
#include "datasets/low_resolution.h"
#include "datasets/pack/pack.h"
#include "datasets/pack/pack_file.h"
#include "datasets/pack/shard.h"

namespace resolute::datasets {
namespace {

namespace fs = std::filesystem;

// Raw files kept from the first pass for the second: a shard of crops fits, and larger ones are read twice.
constexpr std::uint64_t kMaxKeptBytes = std::uint64_t{256} << 20;
constexpr std::uint64_t kMaxImageBytes = std::uint64_t{256} << 20;

struct RawImage {
  core::Bytes bytes;  // empty once the kept bytes are too many
  PackRow row;
};

// First pass: decodes every image, so that a bad one is known before anything is written, and learns all sizes.
std::vector<RawImage> survey(core::FileSystem& files, const fs::path& root, std::span<const Sample> samples) {
  std::vector<RawImage> raw;
  raw.reserve(samples.size());
  std::uint64_t kept = 0;
  for (const Sample& sample : samples) {
    RawImage image;
    image.bytes = files.read(root / sample.path, kMaxImageBytes);
    Image decoded = decode_image(image.bytes, (root / sample.path).string());
    image.row = {sample, decoded.height, decoded.width, core::sha256_hex(image.bytes)};
    kept += image.bytes.size();
    if (kept > kMaxKeptBytes) image.bytes = {};
    raw.push_back(std::move(image));
  }
  return raw;
}

Image decode_again(core::FileSystem& files, const fs::path& root, RawImage& raw) {
  const fs::path path = root / raw.row.sample.path;
  core::Bytes bytes = raw.bytes.empty() ? files.read(path, kMaxImageBytes) : std::move(raw.bytes);
  raw.bytes = {};
  if (core::sha256_hex(bytes) != raw.row.source_sha256)
    throw core::input_error(fmt::format("'{}' changed while it was packed", path.string()),
                            "its SHA-256 is another one", "let nobody write there and ingest again");
  return decode_image(bytes, path.string());
}

core::Bytes from_hex(std::string_view hex) {
  auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  core::Bytes bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<std::byte>(digit(hex[i]) * 16 + digit(hex[i + 1])));
  return bytes;
}

// Fills a shard: image rows as they come, the small columns at the end.
class ShardFile {
 public:
  ShardFile(core::FileSystem& files, const fs::path& path, const ShardHeader& header, std::span<const RawImage> raw)
      : header_(header), text_(header_text(header)), rates_(stored_rates(header.options)) {
    std::uint64_t path_bytes = 1;
    for (const RawImage& image : raw) {
      path_bytes = std::max<std::uint64_t>(path_bytes, image.row.sample.path.size());
      for (int rate : rates_) view_total_ += view_bytes(image.row, rate);
    }
    path_bytes_ = static_cast<std::size_t>(path_bytes);
    layout_ = shard_layout(header.options, header.rows, path_bytes, view_total_, text_.size());
    image_ = hdf5::lay_out(layout_.arrays);
    columns_.resize(layout_.arrays.size());
    file_ = std::make_unique<hdf5::PlacedFile>(files, path, image_);
  }

  void add(const PackRow& row, const Image& native) {
    const PackOptions& options = header_.options;
    Image hr = resize(native, options.height, options.width, Kernel::kTriangle);
    add_pixels("hr", hr);
    for (int rate : rates_) add_pixels(lr_name(rate), low_resolution_network(hr, rate, options.kernel));
    if (!rates_.empty()) add_views(native);
    add_value<std::int64_t>("identity", row.sample.identity);
    add_value<std::int64_t>("camera", row.sample.camera);
    add_value<std::uint8_t>("subset", subset_code(row.sample.subset));
    add_value<std::int32_t>("native_height", row.native_height);
    add_value<std::int32_t>("native_width", row.native_width);
    std::string path = row.sample.path;
    path.resize(path_bytes_, '\0');
    add_bytes("path", core::as_byte_span(path));
    add_bytes("source_sha256", from_hex(row.source_sha256));
    ++row_;
  }

  void publish() {
    RESOLUTE_EXPECT(row_ == header_.rows && view_at_ == view_total_, "a shard was not filled");
    auto text = core::as_byte_span(text_);
    core::append_bytes(column("header"), text);
    core::append_little_endian(column(crc_name("header")), core::crc32c(text));
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (columns_[i].empty()) continue;
      RESOLUTE_EXPECT(columns_[i].size() == layout_.arrays[i].bytes(), "a column was not filled");
      file_->write(i, 0, columns_[i]);
    }
    file_->publish();
  }

 private:
  static std::uint64_t view_bytes(const PackRow& row, int rate) {
    return static_cast<std::uint64_t>(std::max(row.native_height / rate, 1)) *
           static_cast<std::uint64_t>(std::max(row.native_width / rate, 1)) * 3;
  }
  core::Bytes& column(const std::string& name) { return columns_[layout_.index(name)]; }
  void add_crc(const std::string& name, std::span<const std::byte> bytes) {
    core::append_little_endian(column(crc_name(name)), core::crc32c(bytes));
  }
  void add_bytes(const std::string& name, std::span<const std::byte> bytes) {
    core::append_bytes(column(name), bytes);
    add_crc(name, bytes);
  }
  template <class T>
  void add_value(const std::string& name, T value) {
    add_bytes(name, std::as_bytes(std::span(&value, 1)));
  }
  void add_pixels(const std::string& name, const Image& image) {
    auto bytes = std::as_bytes(std::span(image.pixels));
    file_->write(layout_.index(name), row_ * bytes.size(), bytes);
    add_crc(name, bytes);
  }
  void add_views(const Image& native) {
    std::vector<std::uint64_t> offsets;
    std::vector<std::int32_t> heights;
    std::vector<std::int32_t> widths;
    for (int rate : rates_) {
      Image view = low_resolution_view(native, rate, header_.options.kernel);
      auto bytes = std::as_bytes(std::span(view.pixels));
      file_->write(layout_.index("lr_view"), view_at_, bytes);
      add_crc("lr_view", bytes);
      offsets.push_back(view_at_);
      heights.push_back(view.height);
      widths.push_back(view.width);
      view_at_ += bytes.size();
    }
    add_bytes("lr_view_offset", std::as_bytes(std::span(offsets)));
    add_bytes("lr_view_height", std::as_bytes(std::span(heights)));
    add_bytes("lr_view_width", std::as_bytes(std::span(widths)));
  }

  const ShardHeader& header_;
  std::string text_;
  std::vector<int> rates_;
  std::size_t path_bytes_ = 1;
  std::uint64_t view_total_ = 0;
  std::uint64_t view_at_ = 0;
  ShardLayout layout_;
  hdf5::FileImage image_;
  std::vector<core::Bytes> columns_;  // by array; empty for the images
  std::uint64_t row_ = 0;
  std::unique_ptr<hdf5::PlacedFile> file_;
};

bool same(const ShardHeader& a, const ShardHeader& b) { return header_text(a) == header_text(b); }

// Why the shard at `path` must be made: nothing if it stands there intact, says of itself what `wanted` says and was
// made from the bytes that the raw files have now; an empty text if there is none.
std::optional<std::string> reason_to_make(core::FileSystem& files, const fs::path& path, const fs::path& root,
                                          std::span<const Sample> samples, const ShardHeader& wanted) {
  if (!files.exists(path)) return "";
  std::vector<PackRow> rows;
  try {
    Shard shard(path);
    shard.verify();
    if (!same(shard.header(), wanted)) return fmt::format("'{}' was made otherwise", path.string());
    rows = shard.rows();
  } catch (const core::RuntimeError& error) {
    if (error.kind() != core::ErrorKind::kCorrupt && error.kind() != core::ErrorKind::kInput) throw;
    return error.what();
  }
  // Names and settings say nothing of pixels: the files may have been overwritten, or be another root's of these names.
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const fs::path source = root / samples[i].path;
    if (rows.at(i).sample != samples[i] ||
        rows[i].source_sha256 != core::sha256_hex(files.read(source, kMaxImageBytes)))
      return fmt::format("'{}' was made when '{}' had other bytes", path.string(), source.string());
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
  if (to_json(pack.options) != to_json(wanted.options)) throw sealed_error(wanted, "made with other settings");
  if (pack.listing_sha256 != wanted.listing_sha256 || pack.rows != wanted.total_rows)
    throw sealed_error(wanted, kOtherImages);
  if (pack.decoder != wanted.decoder || pack.hdf5 != wanted.hdf5)
    throw sealed_error(wanted, fmt::format("made with {} and HDF5 {}; here are {} and HDF5 {}", pack.decoder, pack.hdf5,
                                           wanted.decoder, wanted.hdf5));
  const std::string where = (pack_folder / "manifest.json").string();
  auto text = core::read_text_if_exists(files, where);
  if (!text || core::sha256_hex(*text) != pack.manifest_sha256)
    throw core::corrupt_error(fmt::format("'{}' is {}", where, text ? "another one" : "missing"),
                              "pack.json holds its SHA-256", "remove pack.json and ingest the data set again");
  auto rows = manifest_from_json(core::parse_json(*text, where), where);
  if (rows.size() != pack.rows)
    throw core::corrupt_error(fmt::format("'{}' has {} rows", where, rows.size()),
                              fmt::format("pack.json says {}", pack.rows));
  auto first = rows.begin() + static_cast<std::ptrdiff_t>(wanted.first_row);
  return std::vector<PackRow>(first, first + static_cast<std::ptrdiff_t>(wanted.rows));
}

}  // namespace

ShardResult write_shard(core::FileSystem& files, const fs::path& root, const std::vector<Sample>& samples,
                        const PackOptions& options, int shard, const fs::path& pack_folder) {
  validate(options);
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
                     hdf5::library_version()};
  const fs::path path = pack_folder / shard_file_name(shard);
  const auto part = std::span(samples).subspan(range.begin, range.end - range.begin);
  if (auto reason = reason_to_make(files, path, root, part, header)) {
    auto sealed = sealed_rows(files, pack_folder, header);
    auto raw = survey(files, root, part);
    if (sealed && !std::equal(raw.begin(), raw.end(), sealed->begin(), sealed->end(),
                              [](const RawImage& image, const PackRow& row) { return image.row == row; }))
      throw sealed_error(header, kOtherImages);
    if (!reason->empty()) core::log_warning("{}; it is made again", *reason);
    ShardFile file(files, path, header, raw);
    for (RawImage& image : raw) {
      Image native = decode_again(files, root, image);
      file.add(image.row, native);
    }
    file.publish();
  }
  return {hdf5::sha256_of_file(path), header.rows, header.listing_sha256};
}

}  // namespace resolute::datasets
