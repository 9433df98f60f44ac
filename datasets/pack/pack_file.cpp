#include "datasets/pack/pack_file.h"

#include <utility>

#include "core/hash/sha256.h"
#include "datasets/manifest/manifest.h"

namespace resolute::datasets {
namespace {

PackFile parse_pack(const std::string& text, const std::string& where) {
  core::Json json = core::parse_json(text, where);
  core::ObjectReader reader(json, where);
  const int schema = read_pack_schema(reader, "pack");
  PackFile pack;
  pack.options = options_from_json(reader.required<core::Json>("options"), where);
  if (schema != settings::schema_of(pack.options))
    throw core::input_error(fmt::format("{}: pack schema {}", where, schema),
                            fmt::format("such a pack has schema {}", settings::schema_of(pack.options)));
  pack.rows = reader.required<std::uint64_t>("rows");
  pack.listing_sha256 = reader.required<std::string>("listing_sha256");
  pack.manifest_sha256 = reader.required<std::string>("manifest_sha256");
  pack.decoder = reader.required<std::string>("decoder");
  pack.hdf5 = reader.required<std::string>("hdf5");
  auto shards = reader.required<std::vector<core::Json>>("shards");
  reader.finish();
  for (std::size_t i = 0; i < shards.size(); ++i) {
    core::ObjectReader item(shards[i], fmt::format("{}: shards[{}]", where, i));
    PackFile::ShardEntry entry;
    entry.file = item.required<std::string>("file");
    entry.rows = item.required<std::uint64_t>("rows");
    entry.sha256 = item.required<std::string>("sha256");
    item.finish();
    if (entry.file != shard_file_name(static_cast<int>(i)))
      throw core::input_error(fmt::format("{}: shard {} is the file '{}'", where, i, entry.file),
                              fmt::format("'{}' is needed", shard_file_name(static_cast<int>(i))));
    pack.shards.push_back(std::move(entry));
  }
  if (pack.shards.size() != static_cast<std::size_t>(pack.options.shards))
    throw core::input_error(fmt::format("{}: {} shards are listed", where, pack.shards.size()),
                            fmt::format("the options ask for {}", pack.options.shards));
  return pack;
}

}  // namespace

std::string pack_text(const PackFile& pack) {
  core::Json shards = core::Json::array();
  for (const auto& shard : pack.shards)
    shards.push_back({{"file", shard.file}, {"rows", shard.rows}, {"sha256", shard.sha256}});
  return core::canonical_json({{"schema", settings::schema_of(pack.options)},
                               {"options", options_json(pack.options)},
                               {"rows", pack.rows},
                               {"listing_sha256", pack.listing_sha256},
                               {"manifest_sha256", pack.manifest_sha256},
                               {"shards", std::move(shards)},
                               {"decoder", pack.decoder},
                               {"hdf5", pack.hdf5}}) +
         "\n";
}

ReadPackFile read_pack_file(core::FileSystem& files, const fs::path& pack_folder) {
  const fs::path path = pack_folder / "pack.json";
  if (!files.exists(pack_folder))
    throw core::input_error(fmt::format("there is no pack '{}'", pack_folder.string()), "the folder does not exist",
                            "make it with 'resolute data ingest'");
  auto text = core::read_text_if_exists(files, path);
  if (!text)
    throw core::input_error(fmt::format("pack '{}' is not sealed", pack_folder.string()), "it has no pack.json",
                            "finish it with 'resolute data ingest' or 'resolute suite run'");
  try {
    return {parse_pack(*text, fmt::format("'{}'", path.string())), core::sha256_hex(*text)};
  } catch (const core::RuntimeError& error) {
    throw core::corrupt_error(error.what());
  }
}

std::string read_sealed_manifest(core::FileSystem& files, const fs::path& pack_folder, const PackFile& pack) {
  const fs::path path = pack_folder / "manifest.json";
  auto text = core::read_text_if_exists(files, path, kLargestManifest);
  if (!text || core::sha256_hex(*text) != pack.manifest_sha256)
    throw core::corrupt_error(fmt::format("'{}' is {}", path.string(), text ? "not the one of this pack" : "missing"),
                              "pack.json holds its SHA-256", "remove pack.json and ingest the data set again");
  return std::move(*text);
}

}  // namespace resolute::datasets
