#pragma once
//! \file
//! Internal: `pack.json`, the seal of a pack (docs/inside/formats/pack.md).

#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "datasets/pack/options.h"

namespace resolute::datasets {

inline constexpr const char* kPackDamageAdvice =
    "`resolute store check --store STORE` names all that is damaged, and how to mend it";

struct PackFile {
  struct ShardEntry {
    std::string file;
    std::uint64_t rows = 0;
    std::string sha256;
  };
  PackSettings options;
  std::uint64_t rows = 0;
  std::string listing_sha256;
  std::string manifest_sha256;
  std::vector<ShardEntry> shards;
  std::string decoder;
  std::string hdf5;
};

//! Canonical JSON and a newline.
std::string pack_text(const PackFile& pack);

struct ReadPackFile {
  PackFile pack;
  std::string sha256;  //!< of the text
};

//! \throws RuntimeError: kInput for a missing or unsealed pack; kCorrupt for a text that we did not write
ReadPackFile read_pack_file(core::FileSystem& files, const fs::path& pack_folder);

//! The text of the manifest.json that `pack` names. \throws RuntimeError: kCorrupt for a missing one or another
std::string read_sealed_manifest(core::FileSystem& files, const fs::path& pack_folder, const PackFile& pack);

}  // namespace resolute::datasets
