#include <algorithm>
#include <iterator>

#include "core/process/side_by_side.h"
#include "datasets/image/low_resolution.h"
#include "datasets/pack/lazy.h"
#include "datasets/pack/pack.h"
#include "datasets/pack/pack_file.h"
#include "datasets/pack/shard.h"

namespace resolute::datasets {

PackReader::PackReader() : rows_(std::make_unique<Lazy<std::vector<PackRow>>>()) {}
PackReader::~PackReader() = default;
PackReader::PackReader(PackReader&&) noexcept = default;
PackReader& PackReader::operator=(PackReader&&) noexcept = default;

PackReader PackReader::open(const fs::path& pack_folder) { return open(core::real_file_system(), pack_folder); }

PackReader PackReader::open(core::FileSystem& files, const fs::path& pack_folder) {
  ReadPackFile read = read_pack_file(files, pack_folder);
  PackReader reader;
  reader.options_ = read.pack.options;
  reader.manifest_sha256_ = read.pack.manifest_sha256;
  reader.pack_sha256_ = read.sha256;
  reader.rates_ = stored_rates(reader.options_);
  reader.parts_ = {{reader.options_.name}};
  for (std::size_t i = 0; i < read.pack.shards.size(); ++i) {
    const auto& entry = read.pack.shards[i];
    const fs::path path = pack_folder / entry.file;
    if (!files.exists(path))
      throw core::corrupt_error(fmt::format("pack '{}' lacks '{}'", pack_folder.string(), entry.file),
                                "pack.json names it", kPackDamageAdvice);
    auto shard = std::make_shared<const Shard>(path);
    const ShardHeader& header = shard->header();
    if (header.options != reader.options_ || header.shard != static_cast<int>(i) || header.rows != entry.rows ||
        header.first_row != reader.size_ || header.listing_sha256 != read.pack.listing_sha256)
      throw core::corrupt_error(fmt::format("shard '{}' belongs to another pack", path.string()),
                                "its header contradicts pack.json", kPackDamageAdvice);
    reader.first_rows_.push_back(reader.size_);
    reader.size_ += shard->size();
    reader.shards_.push_back({std::move(shard), reader.rates_});
  }
  if (reader.size_ != read.pack.rows)
    throw core::corrupt_error(fmt::format("pack '{}' has {} rows", pack_folder.string(), reader.size_),
                              fmt::format("pack.json says {}", read.pack.rows));
  return reader;
}

PackReader PackReader::joined(std::span<const PackReader* const> parts) {
  RESOLUTE_EXPECT(!parts.empty(), "a pack is joined of one or more");
  const PackReader& first = *parts.front();
  PackReader reader;
  reader.options_ = first.options_;
  reader.manifest_sha256_ = first.manifest_sha256_;
  reader.pack_sha256_ = first.pack_sha256_;
  reader.rates_ = first.rates_;
  Part next;
  for (const PackReader* part : parts) {
    const PackSettings &one = first.options_, &other = part->options_;
    if (one.height != other.height || one.width != other.width || one.kernel != other.kernel)
      throw core::input_error(
          fmt::format("packs '{}' and '{}' cannot be joined", one.name, other.name),
          fmt::format("images of {}x{} pixels, kernel {}, and of {}x{}, kernel {}", one.height, one.width,
                      settings::word(one.kernel), other.height, other.width, settings::word(other.kernel)),
          "pack both alike");
    next.name = other.name;
    next.stand_in = settings::is_stand_in(other);
    reader.parts_.push_back(next);
    for (const Stored& stored : part->shards_) {
      reader.first_rows_.push_back(reader.size_);
      reader.size_ += stored.shard->size();
      reader.shards_.push_back(stored);
    }
    std::erase_if(reader.rates_, [&](int rate) { return !part->has_rate(rate); });
    next.first_row = reader.size_;
    std::int64_t identities = 0, cameras = 0;
    for (const PackRow& row : part->rows()) {
      identities = std::max(identities, row.sample.identity);
      cameras = std::max(cameras, row.sample.camera);
    }
    next.identities += identities;
    next.cameras += cameras;
  }
  return reader;
}

std::vector<PackRow> read_sealed_rows(core::FileSystem& files, const fs::path& pack_folder) {
  const std::string text = read_sealed_manifest(files, pack_folder, read_pack_file(files, pack_folder).pack);
  const std::string where = fmt::format("'{}'", (pack_folder / "manifest.json").string());
  return manifest_from_json(core::parse_json(text, where), where);
}

const std::vector<PackRow>& PackReader::rows() const {
  return rows_->get([&] {
    std::vector<PackRow> rows;
    rows.reserve(size_);
    std::size_t shard = 0;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      const std::size_t end = i + 1 < parts_.size() ? parts_[i + 1].first_row : size_;
      std::vector<PackRow> part;  // by itself: rows are in order within a pack
      for (; shard < shards_.size() && first_rows_[shard] < end; ++shard) shards_[shard].shard->append_rows(part);
      if (parts_.size() == 1) return part;
      for (PackRow& row : part) {
        if (row.sample.identity != 0) row.sample.identity += parts_[i].identities;
        row.sample.camera += parts_[i].cameras;
        row.sample.path = fmt::format("{}/{}", parts_[i].name, row.sample.path);
      }
      std::ranges::move(part, std::back_inserter(rows));
    }
    return rows;
  });
}

PackReader::Place PackReader::place(std::size_t row) const {
  RESOLUTE_EXPECT(row < size_, fmt::format("row {} of a pack of {}", row, size_));
  auto after = std::upper_bound(first_rows_.begin(), first_rows_.end(), row);
  auto shard = static_cast<std::size_t>(after - first_rows_.begin()) - 1;
  return {shards_[shard].shard.get(), row - first_rows_[shard], shards_[shard].rates};
}

std::size_t PackReader::rate_index(const Place& place, int rate) const {
  auto found = std::ranges::find(place.rates, rate);
  if (found == place.rates.end())
    throw core::input_error(fmt::format("pack '{}' has rates {} and not {}", place.shard->header().options.name,
                                        fmt::join(place.shard->header().options.rates, ", "), rate),
                            {}, "ingest it again with that rate in --rates");
  return static_cast<std::size_t>(found - place.rates.begin());
}

bool PackReader::has_rate(int rate) const { return rate == 1 || std::ranges::find(rates_, rate) != rates_.end(); }

void PackReader::read_hr(std::size_t row, std::span<std::uint8_t> to) const {
  Place at = place(row);
  at.shard->read_hr(at.row, to);
}

void PackReader::read_lr(std::size_t row, int rate, Image& to) const {
  set_size(to, shrunk_size({options_.height, options_.width}, rate));
  Place at = place(row);
  if (rate == 1)
    at.shard->read_hr(at.row, to.pixels);
  else
    at.shard->read_lr(at.row, rate_index(at, rate), to.pixels);
}

void PackReader::read_view(std::size_t row, int rate, Image& to) const {
  Place at = place(row);
  if (rate == 1 || at.shard->source_rate(at.row) != 1) return read_lr(row, 1, to);
  at.shard->read_view(at.row, rate_index(at, rate), to);
}

void PackReader::read_copy(std::size_t row, int rate, settings::CopiesFrom from, Image& to) const {
  from == settings::CopiesFrom::kNative ? read_view(row, rate, to) : read_lr(row, rate, to);
}

std::vector<std::string> PackReader::verify_shards(int threads) const {
  std::vector<std::string> hashes(shards_.size());
  core::side_by_side(shards_.size(), static_cast<std::size_t>(threads),
                     [&](std::size_t i) { hashes[i] = shards_[i].shard->verify_and_hash(); });
  return hashes;
}

}  // namespace resolute::datasets
