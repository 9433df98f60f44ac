#pragma once
//! \file
//! Distances between images that several branches of a network describe, each weighted by what the network makes of the
//! two images: the test distance of FTWA (Zhang et al., "Resolution-invariant person ReID based on feature
//! transformation and self-weighted attention"; the weights as in its eq. 4, the form is UNSTATED there;
//! docs/inside/methods/ftwa.md).

#include <span>

#include "results/scores/ranking.h"

namespace resolute::results {

//! One branch's description of the same queries and the same gallery. Not owned.
struct DistanceBranch {
  FeatureMatrix query;    //!< [queries, D]; D may differ between branches
  FeatureMatrix gallery;  //!< [gallery, D]
  //! One per row, positive and finite, only their ratios between branches count; empty: 1 each.
  std::span<const float> query_weights;
  std::span<const float> gallery_weights;
};

//! D(q, g) = Σ_b s_b(q, g) ‖x_b(q) − y_b(g)‖₂ with the shares s_b = w_b(q) w_b(g) / Σ_c w_c(q) w_c(g); the features'
//! unit. A branch that stands alone has the share 1, two of equal weights 0.5 each, exactly; rows that are equal in
//! every branch are at exactly 0.
//!
//! Computed in doubles: squares of differences, not products less norms, so that a distance between nearly equal rows
//! keeps its digits (relative error below 1e-12 at 2,048 dimensions), summed by fused multiply-adds over the dimensions
//! in ascending order. The bits of each distance depend on the values of its own pair alone: not on other rows, orders,
//! block sizes, threads or the processor. A thread needs, beside `to`, 8 bytes × (query_block × gallery_block +
//! 256 × query_block) and some 64 KiB.
//!
//! \param branches at least one; all of as many queries and of as many gallery images
//! \param to [queries × gallery], row-major, overwritten
//! \throws core::RuntimeError (kInput): no branch, sizes that disagree, features without a dimension, NaN or infinite
//!         features, weights that are not positive and finite; core::ContractError: work options out of range
void branched_distances(std::span<const DistanceBranch> branches, std::span<double> to, const WorkOptions& work);

}  // namespace resolute::results
