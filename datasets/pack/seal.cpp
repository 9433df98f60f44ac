#include <iterator>
#include <map>
#include <string_view>

#include "core/hash/sha256.h"
#include "core/process/side_by_side.h"
#include "datasets/manifest/manifest.h"
#include "datasets/pack/pack.h"
#include "datasets/pack/pack_file.h"
#include "datasets/pack/shard.h"

namespace resolute::datasets {
namespace {

// Facts that must agree between a shard and the pack, and with the first shard.
void check_member(const ShardHeader& header, const PackFile& pack, std::size_t number, const fs::path& path) {
  auto refuse = [&](std::string_view why) {
    return core::input_error(fmt::format("shard '{}' does not belong to this pack", path.string()), why,
                             "run the suite or `resolute data ingest` again: it makes the shard anew");
  };
  if (header.options != pack.options || header.shard != static_cast<int>(number))
    throw refuse("it was made with other settings");
  if (header.first_row != pack.rows) throw refuse("its rows are others");
  if (number == 0) return;
  if (header.listing_sha256 != pack.listing_sha256) throw refuse("the raw folder listed other images when it was made");
  if (header.decoder != pack.decoder || header.hdf5 != pack.hdf5)
    throw refuse(fmt::format("made with {} and HDF5 {}, the first shard with {} and HDF5 {}", header.decoder,
                             header.hdf5, pack.decoder, pack.hdf5));
}

// Opens every shard, one at a time, and checks that they are one pack. \return what pack.json will say, without hashes
PackFile read_members(core::FileSystem& files, const fs::path& pack_folder, const PackSettings& options) {
  settings::check(options);
  PackFile pack;
  pack.options = options;
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(options.shards); ++i) {
    const std::string name = shard_file_name(static_cast<int>(i));
    const fs::path path = pack_folder / name;
    if (!files.exists(path))
      throw core::input_error(fmt::format("pack '{}' cannot be sealed", pack_folder.string()),
                              fmt::format("'{}' is missing", name),
                              "run the suite or `resolute data ingest` again: it makes that shard");
    const Shard shard(path);
    const ShardHeader& header = shard.header();
    check_member(header, pack, i, path);
    if (i == 0) {
      pack.listing_sha256 = header.listing_sha256;
      pack.decoder = header.decoder;
      pack.hdf5 = header.hdf5;
      total = header.total_rows;
    }
    pack.shards.push_back({name, header.rows, ""});
    pack.rows += header.rows;
  }
  if (pack.rows != total)
    throw core::input_error(fmt::format("pack '{}' cannot be sealed", pack_folder.string()),
                            fmt::format("its shards hold {} rows of {}", pack.rows, total));
  return pack;
}

// Nothing tells such images apart: one of the labels is wrong, or the photograph shows two people.
std::string shared_images_warning(std::span<const PackRow> rows) {
  std::map<std::string_view, const PackRow*> firsts;  // by the raw file's hash
  const PackRow *one = nullptr, *other = nullptr;
  std::size_t count = 0;
  for (const PackRow& row : rows) {
    const PackRow* first = firsts.emplace(row.source_sha256, &row).first->second;
    if (first->sample.identity == row.sample.identity) continue;
    if (count++ > 0) continue;
    one = first;
    other = &row;
  }
  if (count == 0) return {};
  return fmt::format(
      "{} of {} images have the bytes of an image of another identity, as '{}' of {} and '{}' of {}: no feature can "
      "tell the two apart",
      count, rows.size(), one->sample.path, one->sample.identity, other->sample.path, other->sample.identity);
}

}  // namespace

std::vector<PackRow> read_unsealed_rows(core::FileSystem& files, const fs::path& pack_folder,
                                        const PackSettings& options) {
  const PackFile pack = read_members(files, pack_folder, options);
  std::vector<PackRow> rows;
  rows.reserve(static_cast<std::size_t>(pack.rows));
  for (const auto& entry : pack.shards) Shard(pack_folder / entry.file).append_rows(rows);
  return rows;
}

SealResult seal_pack(core::FileSystem& files, const fs::path& pack_folder, const PackSettings& options, int threads) {
  PackFile pack = read_members(files, pack_folder, options);
  std::vector<std::vector<PackRow>> parts(pack.shards.size());
  core::side_by_side(parts.size(), static_cast<std::size_t>(threads), [&](std::size_t i) {
    const Shard shard(pack_folder / pack.shards[i].file);
    pack.shards[i].sha256 = shard.verify_and_hash();
    shard.append_rows(parts[i]);
  });
  std::vector<PackRow> rows;
  rows.reserve(static_cast<std::size_t>(pack.rows));
  for (auto& part : parts) {
    std::move(part.begin(), part.end(), std::back_inserter(rows));
    part = {};
  }
  const std::string manifest = manifest_text(rows);
  pack.manifest_sha256 = core::sha256_hex(manifest);
  const std::string text = pack_text(pack);
  core::write_atomic(files, pack_folder / "manifest.json", manifest);
  core::write_atomic(files, pack_folder / "pack.json", text);
  return {core::sha256_hex(text), pack.rows, shared_images_warning(rows)};
}

std::string shard_sha256(const fs::path& pack_folder, int shard) {
  return core::sha256_of(*core::real_file_system().open_for_read(pack_folder / shard_file_name(shard)));
}

void verify_pack(core::FileSystem& files, const fs::path& pack_folder, int threads) {
  const PackReader reader = PackReader::open(files, pack_folder);
  const PackFile pack = read_pack_file(files, pack_folder).pack;
  const std::vector<std::string> found = reader.verify_shards(threads);
  for (std::size_t i = 0; i < found.size(); ++i)
    if (found[i] != pack.shards.at(i).sha256)
      throw core::corrupt_error(
          fmt::format("shard '{}' has SHA-256 {}", (pack_folder / pack.shards[i].file).string(), found[i]),
          fmt::format("pack.json says {}; every row is intact", pack.shards[i].sha256), kPackDamageAdvice);
  if (read_sealed_manifest(files, pack_folder, pack) != manifest_text(reader.rows()))
    throw core::corrupt_error(fmt::format("'{}' and the shards disagree", (pack_folder / "manifest.json").string()),
                              "they describe the same rows");
}

}  // namespace resolute::datasets
