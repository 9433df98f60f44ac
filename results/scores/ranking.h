#pragma once
//! \file
//! Exact CMC and mAP of one ranking. The bits of a result depend on the values alone: not on the BLAS, the
//! number of threads, block sizes, the order of queries or the order of the gallery.
//!
//! Ties are pessimistic: a true match stands behind every wrong match at most as far, rank = 1 + number of those (for
//! the first true match), so features that are all equal score no rank-1. Average precision of a query with true
//! matches 1…R by distance is (1/R) Σ_i i / (i + w_i), w_i = wrong matches at most as far as match i: the plain mean of
//! the precision at each true match, no trapezoids. Source: Zheng et al., "Scalable Person Re-identification: A
//! Benchmark", ICCV 2015. Its inverse negative penalty is R / (R + w_R): how many images one looks at in vain before
//! the hardest match is found. Source: Ye et al., "Deep Learning for Person Re-identification: A Survey and Outlook",
//! TPAMI 2021, section 4.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "results/kernel/features.h"
#include "results/kernel/gemm.h"
#include "results/kernel/matching.h"

namespace resolute::results {

struct RankingOptions {
  int max_rank = 20;  //!< length of the CMC curve, at least 1
  //! A BLAS packs each row of both sides once a product: of as many pairs, nearly square ones pack least.
  WorkOptions work{.threads = 1, .query_block = 896, .gallery_block = 1024};
};

//! One query.
struct RankedQuery {
  std::uint64_t rank = 0;               //!< of its first true match, pessimistic; 0: there is none
  double average_precision = 0;         //!< 0 to 1
  double inverse_negative_penalty = 0;  //!< 0 to 1
};

//! All fractions, 0 to 1.
struct RankingScores {
  std::vector<double> cmc;  //!< [max_rank]; cmc[k - 1] is rank-k; all 0 if no query has a match
  double map = 0;           //!< mean average precision; 0 if no query has a match
  double minp = 0;          //!< mean inverse negative penalty; 0 if no query has a match
  double chance_map = 0;    //!< its expected value if each gallery were ordered at random
  std::size_t queries = 0;  //!< queries with at least one true match: what the means are over
  std::size_t queries_without_match = 0;
  std::vector<RankedQuery> per_query;  //!< in the order given
};

//! Ranks by squared Euclidean distance between features.
//! \param prefix empty, or one number per query: only that many leading dimensions are compared (1 to dimension)
//! \throws core::RuntimeError kInput: sizes that disagree, NaN or infinite features, a prefix out of range, options out
//! of
//!         range; kEnvironment: a product outside the bound of gemm.h
RankingScores rank_features(const FeatureMatrix& query, const Labels& query_labels, const FeatureMatrix& gallery,
                            const Labels& gallery_labels, std::span<const std::int64_t> prefix, const Gemm& gemm,
                            const RankingOptions& options);

//! The same of a gallery that is read some images at a time, which changes no bit.
RankingScores rank_features(const FeatureMatrix& query, const Labels& query_labels, const GallerySource& gallery,
                            const Labels& gallery_labels, std::span<const std::int64_t> prefix, const Gemm& gemm,
                            const RankingOptions& options);

//! Ranks by given distances, row-major queries × gallery, smaller is closer, any sign.
//! \throws core::RuntimeError (kInput): a size that disagrees, a NaN or infinite distance, options out of range
RankingScores rank_distances(std::span<const float> distances, const Labels& query_labels, const Labels& gallery_labels,
                             const RankingOptions& options);
RankingScores rank_distances(std::span<const double> distances, const Labels& query_labels,
                             const Labels& gallery_labels, const RankingOptions& options);

//! Sum and mean of values in ascending order: the same bits in whatever order they come. 0 for none.
double order_free_sum(std::vector<double> values);
double order_free_mean(const std::vector<double>& values);

}  // namespace resolute::results
