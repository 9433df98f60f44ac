#pragma once
//! \file
//! The single-shot protocol of cross-resolution re-ID: queries are low-resolution images, the gallery holds one
//! randomly chosen high-resolution image of each test identity, drawn many times. Beside it the same queries against
//! all high-resolution images at once. Exact, pessimistic on ties and free of order as ranking.h. Source:
//! reference/protocols.md (a); the two mean average precisions are kept apart since public code disagrees.

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "results/kernel/gemm.h"
#include "results/kernel/matching.h"
#include "results/scores/ranking.h"

namespace resolute::results {

//! The ranks k that are told of each query.
inline constexpr std::array<int, 4> kQueryRanks = {1, 5, 10, 20};

//! One query's own numbers: fractions, 0 to 1.
struct SingleShotQuery {
  bool has_match = false;                        //!< a true match is in the gallery
  std::size_t draws = 0;                         //!< draws that hold its true match
  std::array<double, kQueryRanks.size()> cmc{};  //!< share of those draws with the match within rank k; 0 without one
  double average_precision = 0;                  //!< over all gallery images (ranking.h), no draws; 0 without a match
};

//! Fractions, 0 to 1. Means are over the pairs of a query and a draw in which the query has its true match.
struct SingleShotScores {
  std::vector<double> cmc;     //!< [max_rank]; all 0 if no query was ever scored
  double map_single = 0;       //!< mean of 1 / rank: the average precision where one image is right
  double map_full = 0;         //!< mean average precision over all gallery images (ranking.h), no draws
  double chance_rank1 = 0;     //!< expected rank-1 of a random order: mean of 1 / images drawn
  double chance_map_full = 0;  //!< expected map_full of a random order
  std::size_t queries = 0;     //!< queries with a true match in the gallery
  std::size_t queries_without_match = 0;
  std::size_t gallery_images = 0;
  std::size_t gallery_identities = 0;
  std::vector<SingleShotQuery> per_query;  //!< in the order of the queries
};

//! One gallery: indices into the gallery's images, one of each identity.
using GalleryDraw = std::vector<std::size_t>;

//! \param gallery all high-resolution images of the test identities
//! \throws core::RuntimeError as rank_features(); kInput for a draw with an index out of range, an identity twice or
//! junk
SingleShotScores score_single_shot(const FeatureMatrix& query, const Labels& query_labels, const FeatureMatrix& gallery,
                                   const Labels& gallery_labels, std::span<const std::int64_t> prefix,
                                   std::span<const GalleryDraw> draws, const Gemm& gemm, const RankingOptions& options);

//! The same by given distances, row-major queries × gallery: for a method with its own pairwise distance.
SingleShotScores score_single_shot(std::span<const float> distances, const Labels& query_labels,
                                   const Labels& gallery_labels, std::span<const GalleryDraw> draws,
                                   const RankingOptions& options);

}  // namespace resolute::results
