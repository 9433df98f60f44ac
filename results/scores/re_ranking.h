#pragma once
//! \file
//! Re-ranking by k-reciprocal neighbours: Zhong et al., "Re-ranking Person Re-identification with k-reciprocal
//! Encoding", CVPR 2017, as its authors' program computes it.
//!
//! Its authors' program takes the k nearest of an argsort, so that of images equally far those count that come first in
//! the file. Here all that are as far as the k-th count: the bits of a result depend on the features alone, not on the
//! order of the gallery or of the queries, nor on threads or blocks. Without ties both are the same.

#include <optional>

#include "results/kernel/features.h"
#include "results/kernel/gemm.h"
#include "results/kernel/positions.h"
#include "results/scores/prepared_features.h"

namespace resolute::results {

//! The authors' names and values.
struct ReRanking {
  int k1 = 20;          //!< neighbours that a reciprocal set is of, at least 1
  int k2 = 6;           //!< neighbours whose encodings are averaged, 1 to k1; 1: none but the image's own
  double lambda = 0.3;  //!< share of the original distance, 0 to 1
};

//! (1 − λ) d_J + λ d, 0 to 1: d_J the Jaccard distance of the expanded k-reciprocal encodings (eq. 7 and 10, locally
//! expanded as in eq. 11), d the squared Euclidean distance over the largest from the same query to any image; eq. 12.
//! Neighbours are sought among queries and gallery together, whatever their labels. Time grows with the square of all
//! images. Memory holds the features once more and, for each image, some kilobytes.
//! \return distances of queries to the gallery. Both are used as long as the rows are
//! \throws core::RuntimeError (kInput): sizes that disagree, NaN or infinite features, an option out of range, or more
//!         than a thousand images as near to one as its k1-th neighbour
kernel::DistanceRows re_ranked_rows(const FeatureMatrix& query, const FeatureMatrix& gallery, const ReRanking& options,
                                    const Gemm& gemm, const WorkOptions& work);

//! Steps of an evaluation in which images that lie near have a say, the one behind the other.
struct NeighbourSteps {
  std::optional<QueryExpansion> expansion;
  std::optional<ReRanking> re_ranking;
  bool any() const { return expansion || re_ranking; }

  //! \param protocol settings::EvaluationProtocol, which this library does not know
  static NeighbourSteps of(const auto& protocol) {
    NeighbourSteps steps;
    if (protocol.query_expansion > 0) steps.expansion = {protocol.query_expansion, protocol.query_expansion_alpha};
    if (protocol.re_ranking)
      steps.re_ranking = {protocol.re_ranking_k1, protocol.re_ranking_k2, protocol.re_ranking_lambda};
    return steps;
  }
};

//! Distances behind these steps; euclidean_rows() without any. \throws as these do
kernel::DistanceRows rows_behind(const NeighbourSteps& steps, const FeatureMatrix& query, const FeatureMatrix& gallery,
                                 const Gemm& gemm, const WorkOptions& work);

}  // namespace resolute::results
