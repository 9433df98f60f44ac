#pragma once
//! \file
//! A check that raw images are those that a pack is made of: by names, labels and sizes
//! (docs/inside/formats/images.md), which costs one look at each file, or by every byte.

#include <cstdint>
#include <set>
#include <vector>

#include "core/files/file_system.h"
#include "datasets/pack/options.h"
#include "datasets/samples/sample.h"

namespace resolute::datasets {

//! Raw images of a folder, none of them read.
struct SeenImages {
  std::vector<Sample> samples;       //!< as list_samples() tells
  std::vector<std::uint64_t> bytes;  //!< of each one's file
};

//! \throws RuntimeError as list_samples(); kEnvironment where a file cannot be looked at
SeenImages see_images(core::FileSystem& files, const PackSettings& pack, const fs::path& root);
//! The same of samples that are listed already.
SeenImages see_images(core::FileSystem& files, const PackSettings& pack, const fs::path& root,
                      std::vector<Sample> samples);

enum class CompareImages {
  kLabels,  //!< paths and labels
  kSizes,   //!< and sizes, where images.json knows those of the pack
  kBytes,   //!< and the SHA-256 of each image, whatever its file's size
};

//! Returns where the images are those of a sealed pack. \param root where they are, for kBytes and for messages
//! \throws RuntimeError: kInput saying how many paths differ, and how the first one does; kCorrupt for a damaged
//! pack.json, manifest.json or images.json
void require_images_of_pack(core::FileSystem& files, const fs::path& pack_folder, const SeenImages& seen,
                            const fs::path& root, CompareImages compare);

//! Numbers of the shards of which other images, or nobody knows which, were seen when images.json was written.
std::set<int> shards_of_other_images(core::FileSystem& files, const fs::path& pack_folder, const PackSettings& pack,
                                     const SeenImages& seen);

//! Writes images.json, unless it says the same already.
void record_images(core::FileSystem& files, const fs::path& pack_folder, const SeenImages& seen);

}  // namespace resolute::datasets
