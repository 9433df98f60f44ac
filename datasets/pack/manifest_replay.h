#pragma once
//! \file
//! A published manifest against the raw images at hand: the same, or the first difference in words. The listing is
//! compared before any image is read, the images' hashes before any is packed.

#include <span>
#include <string>
#include <vector>

#include "datasets/manifest/manifest.h"
#include "datasets/sources/raw_reader.h"

namespace resolute::datasets {

//! The rows of a manifest.json. \throws RuntimeError (kInput) naming the file: not there, over 1 GiB, what
//! manifest_from_json() refuses
std::vector<PackRow> read_manifest(core::FileSystem& files, const fs::path& path);

//! All that a source lists: paths, identities, cameras, subsets, rates, test sets. \return empty where all is the same
std::string listing_difference(std::span<const PackRow> published, std::span<const Sample> listed);

//! The SHA-256 of one raw image. \return empty where it is the published one \throws as RawReader::read()
std::string image_difference(const PackRow& published, const RawReader& raw);

//! All of every row. \return empty where all is the same
std::string manifest_difference(std::span<const PackRow> published, std::span<const PackRow> listed);

}  // namespace resolute::datasets
