#pragma once
//! \file
//! The report's galleries: the images that methods put first, query by query, and the pictures of their decoders.

#include <optional>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "core/files/json.h"
#include "results/records/panels.h"

namespace resolute::report {

//! One method's pictures of a query, PNG files.
struct GalleryPictures {
  core::Bytes gallery;
  core::Bytes reconstruction{};  //!< empty: the method has no decoder
};

//! The panels of a row's first evaluation on a data set.
struct GalleryRow {
  std::string label;
  std::string job;  //!< id of the evaluation
  results::Panels panels;
  std::vector<GalleryPictures> pictures;  //!< one per query of `panels`
};

//! The rows of one table on one data set that have panels.
struct GallerySection {
  std::string table, dataset;  //!< ids
  std::vector<GalleryRow> rows;
};

//! A list of a section's blocks, as docs/inside/formats/report.md has them under `galleries`.
core::Json to_json(const GallerySection& section);

}  // namespace resolute::report
