#pragma once
//! \file
//! Exact CMC and mAP of one ranking. The bits of a result depend on the values alone. They do not depend on the BLAS,
//! the number of threads, block sizes, the order of queries or the order of the gallery.
//!
//! Ties are pessimistic: a true match stands behind every wrong match that is as far away or nearer. The rank of the
//! first true match is 1 + the number of such wrong matches, so features that are all equal score no rank-1. The
//! average precision of a query with true matches 1…R by distance is (1/R) Σ_i i / (i + w_i), where w_i is the number
//! of wrong matches as far as match i or nearer. It is the plain mean of the precision at each true match, without
//! trapezoids. Source: Zheng et al., "Scalable Person Re-identification: A Benchmark", ICCV 2015. The inverse negative
//! penalty of a query is R / (R + w_R): it tells how many wrong images stand before the hardest match. Source: Ye et
//! al., "Deep Learning for Person Re-identification: A Survey and Outlook", TPAMI 2021, section 4.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "results/kernel/features.h"
#include "results/kernel/gemm.h"
#include "results/kernel/matching.h"
#include "results/kernel/positions.h"

namespace resolute::results {

struct RankingOptions {
  int max_rank = 20;  //!< length of the CMC curve, at least 1
  //! A BLAS packs each row of both sides once per product, so among blocks of equally many pairs nearly square ones
  //! pack least.
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
  double chance_map = 0;    //!< expected map if each gallery were ordered at random
  std::size_t queries = 0;  //!< queries with at least one true match: what the means are over
  std::size_t queries_without_match = 0;
  std::vector<RankedQuery> per_query;  //!< in the order given
};

//! True below half of a random order's score. By luck a score is a little below it; features that are all alike, and
//! similarities in the place of distances, are far below, since ties count against a query.
//! \param score, chance of one unit
constexpr bool is_far_below_chance(double score, double chance) { return score < chance / 2; }

//! Ranks by squared Euclidean distance between features. The bits are the same however much of the gallery is read at a
//! time.
//! \param prefix empty, or one number per query: only that many leading dimensions are compared (1 to dimension)
//! \throws core::RuntimeError kInput: sizes that disagree, NaN or infinite features, a prefix out of range, options out
//! of range; kEnvironment: a product outside the bound of gemm.h
RankingScores rank_features(const FeatureMatrix& query, const Labels& query_labels, const GallerySource& gallery,
                            const Labels& gallery_labels, std::span<const std::int64_t> prefix, const Gemm& gemm,
                            const RankingOptions& options);

//! In words, where RankingScores::queries is 0: nobody who is asked for is shown, or by the query's own camera alone.
std::string why_nothing_counts(const Labels& query, const Labels& gallery);

//! Sum and mean, added in ascending order of the values, so their order changes no bit. 0 for no values.
double order_free_sum(std::vector<double> values);
double order_free_mean(const std::vector<double>& values);

}  // namespace resolute::results
