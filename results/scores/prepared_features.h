#pragma once
//! \file
//! The preparation of features before they are compared: unit length, and queries expanded by what they find.

#include <span>
#include <string_view>
#include <vector>

#include "results/kernel/features.h"
#include "results/kernel/positions.h"

namespace resolute::results {

//! Each row over its Euclidean length, computed in doubles and rounded to float32: squared distances of such rows order
//! images as cosines do. \param features rows of `dimension` \param side what messages call them: "query"
//! \param first the number of the first row, for messages
//! \throws core::RuntimeError (kInput) naming a row of length 0: it has no direction
void make_unit_length(std::span<float> features, std::size_t dimension, std::string_view side, std::size_t first = 0);

//! Radenović, Tolias, Chum, "Fine-tuning CNN Image Retrieval with No Human Annotation", TPAMI 2019, section 3.4.
struct QueryExpansion {
  int neighbours = 5;  //!< gallery images that a query is expanded by, at least 1
  double alpha = 3;    //!< what cosines are raised to as weights, 0 or more
};

//! α-query expansion: each query plus its nearest gallery images, each times its cosine to the power of α (0 for a
//! cosine below 0), at unit length. Neighbours are sought among all gallery images, whatever their labels; all that are
//! as near as the last one count, so that the order of the gallery changes no bit. \param query, gallery of unit length
//! \return [queries × dimension], row-major
//! \throws core::RuntimeError (kInput): an option out of range, sizes that disagree, NaN or infinite features
std::vector<float> expanded_queries(const FeatureMatrix& query, const FeatureMatrix& gallery,
                                    const QueryExpansion& options, const WorkOptions& work);

//! Euclidean distances, all of them exact: their bits depend on the two features alone. Both sides are used as long as
//! the rows are. The rows throw as branched_distances() does.
kernel::DistanceRows euclidean_rows(const FeatureMatrix& query, const FeatureMatrix& gallery);

}  // namespace resolute::results
