#pragma once
//! \file
//! The canonical texts of many rows, written without a JSON value of all of them: a pack may have 100,000 rows.

#include <span>
#include <string>

#include "datasets/manifest/manifest.h"

namespace resolute::datasets {

//! manifest.json: canonical JSON (manifest.h: manifest_to_json()) and a newline.
std::string manifest_text(std::span<const PackRow> rows);

//! What listing_sha256() hashes of a sample: the canonical text of [path, identity, camera, subset], or of
//! [path, identity, camera, subset, rate, test_sets] where it tells its origin, and a newline.
std::string listing_line(const Sample& sample);

}  // namespace resolute::datasets
