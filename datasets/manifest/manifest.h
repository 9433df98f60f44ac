#pragma once
//! \file
//! The rows of a pack's manifest, one per image, and their canonical text (docs/inside/formats/manifest.md).

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/files/json.h"
#include "datasets/samples/sample.h"

namespace resolute::datasets {

//! The longest manifest that is read, bytes: four million images (kMaxListBytes of lists) of some 217 each.
inline constexpr std::uint64_t kLargestManifest = std::uint64_t{1} << 30;

struct PackRow {
  Sample sample;
  int native_height = 0;  //!< pixels, before any resize
  int native_width = 0;
  std::string source_sha256;  //!< of the raw file, 64 hexadecimal digits
  bool truncated = false;     //!< its data end early: what is missing was filled
  bool operator==(const PackRow&) const = default;
};

//! Checks one row of a manifest (and so of a pack): its path does not leave the data set's folder and sorts behind the
//! path before it, and identity, camera and rate are in range. \param before null for the first
//! \throws RuntimeError (kInput) opening with `where`
void check_sample(const Sample& sample, const Sample* before, const std::string& where);

//! True where a sample has more than schema 1 of manifests and shards can express: a rate other than 1, or test sets.
bool tells_origin(const Sample& sample);

//! {"schema": 1, "rows": [{"path", "identity", "camera", "subset", "native_height", "native_width", "source_sha256"}]};
//! where any row tells its origin, schema 2: every row has "rate" and "test_sets" as well. Where any is truncated,
//! schema 3: that, and "truncated", the paths of those in the order of the rows. Canonical JSON and a newline; written
//! without a JSON value of all rows: a pack may have 100,000.
std::string manifest_text(std::span<const PackRow> rows);

//! The inverse, strict: rows are sorted by path, none twice, and no path leaves the data set's folder (path_problem()).
//! \throws RuntimeError (kInput) opening with `where` and naming the row
std::vector<PackRow> manifest_from_json(const core::Json& json, const std::string& where);

//! The text of a sample that listing_sha256() hashes: the canonical text of [path, identity, camera, subset], or of
//! [path, identity, camera, subset, rate, test_sets] where it tells its origin, and a newline.
std::string listing_line(const Sample& sample);
//! SHA-256 of what a source listed, before any image is read: every shard of a pack must have seen the same list.
std::string listing_sha256(std::span<const Sample> samples);

//! A subset's stored number and back: 0 "train", 1 "query", 2 "gallery". Do not change.
//! \throws RuntimeError (kInput) for another name; (kCorrupt) for another number
std::uint8_t subset_code(const std::string& subset);
std::string subset_name(std::uint8_t code);

}  // namespace resolute::datasets
