#pragma once
//! \file
//! Raw data sets as people download them, read strictly: what does not look as its source documents it is an error that
//! names the file, never a guess. Only names are read here; the images are opened by whoever packs them.
//!
//! Sources: "market1501" (market1501.h), "pku-reid" (pku_reid.h), "synthetic" (Market-1501's layout, written by
//! synthetic.h), "vru" (vru.h).

#include <filesystem>
#include <string_view>
#include <vector>

#include "core/file_system.h"
#include "datasets/sample.h"

namespace resolute::datasets {

//! The folder that sample paths are relative to: `root`, or the data set's own folder in it where `root` is its parent
//! (as Market-1501-v15.09.15). Paths, and so manifests, are then the same whichever of the two a user names. \throws
//! RuntimeError (kInput) for an unknown source or a missing folder
std::filesystem::path source_root(core::FileSystem& files, std::string_view source, const std::filesystem::path& root);

//! Every usable image, sorted by path (bytes). Junk (identity -1) is left out; distractors (identity 0) are kept; files
//! that are no images by name, and hidden ones, are skipped. \throws RuntimeError (kInput): unknown source, missing or
//! empty folder, an image whose name does not fit, an identity
//!         with a single image, an identity both in training and in test
std::vector<Sample> list_samples(core::FileSystem& files, std::string_view source, const std::filesystem::path& root);

}  // namespace resolute::datasets
