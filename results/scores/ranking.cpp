#include "results/scores/ranking.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

#include "results/scores/scores.h"

namespace resolute::results {
namespace {

//! \param visit_all visits the positions of all queries
RankingScores ranked(const Labels& query_labels, const Labels& gallery_labels, const RankingOptions& options,
                     const auto& visit_all) {
  kernel::check(options);
  const Matching matching(query_labels, gallery_labels);
  std::vector<RankedQuery> scores(matching.queries());
  visit_all(matching, [&](const kernel::QueryPositions& found) { scores[found.query] = kernel::score(found); });
  RankingScores summary = kernel::summarise(scores, matching, options.max_rank);
  summary.per_query = std::move(scores);
  return summary;
}

//! \param gallery a FeatureMatrix or a GallerySource
RankingScores rank_any(const FeatureMatrix& query, const Labels& query_labels, const auto& gallery,
                       const Labels& gallery_labels, std::span<const std::int64_t> prefix, const Gemm& gemm,
                       const RankingOptions& options) {
  return ranked(query_labels, gallery_labels, options, [&](const Matching& matching, const kernel::Visit& visit) {
    kernel::visit_positions(query, gallery, prefix, matching, gemm, options.work, false, visit);
  });
}

template <class Distance>
RankingScores rank_given(std::span<const Distance> distances, const Labels& query_labels, const Labels& gallery_labels,
                         const RankingOptions& options) {
  return ranked(query_labels, gallery_labels, options, [&](const Matching& matching, const kernel::Visit& visit) {
    kernel::visit_positions(distances, matching, options.work, false, visit);
  });
}

}  // namespace

RankingScores rank_features(const FeatureMatrix& query, const Labels& query_labels, const FeatureMatrix& gallery,
                            const Labels& gallery_labels, std::span<const std::int64_t> prefix, const Gemm& gemm,
                            const RankingOptions& options) {
  return rank_any(query, query_labels, gallery, gallery_labels, prefix, gemm, options);
}

RankingScores rank_features(const FeatureMatrix& query, const Labels& query_labels, const GallerySource& gallery,
                            const Labels& gallery_labels, std::span<const std::int64_t> prefix, const Gemm& gemm,
                            const RankingOptions& options) {
  return rank_any(query, query_labels, gallery, gallery_labels, prefix, gemm, options);
}

RankingScores rank_distances(std::span<const float> distances, const Labels& query_labels, const Labels& gallery_labels,
                             const RankingOptions& options) {
  return rank_given(distances, query_labels, gallery_labels, options);
}

RankingScores rank_distances(std::span<const double> distances, const Labels& query_labels,
                             const Labels& gallery_labels, const RankingOptions& options) {
  return rank_given(distances, query_labels, gallery_labels, options);
}

RankingScores rank_distances(const kernel::DistanceRows& distances, const Labels& query_labels,
                             const Labels& gallery_labels, const RankingOptions& options) {
  return ranked(query_labels, gallery_labels, options, [&](const Matching& matching, const kernel::Visit& visit) {
    kernel::visit_positions(distances, matching, options.work, visit);
  });
}

std::string why_nothing_counts(const Labels& query, const Labels& gallery) {
  const std::set<std::int64_t> shown(gallery.identities.begin(), gallery.identities.end());
  const bool any_common = std::ranges::any_of(
      query.identities, [&](std::int64_t identity) { return identity != -1 && shown.contains(identity); });
  return any_common ? "no query has a match: the gallery images of its identity are all of its own camera, which are "
                      "left out"
                    : "no query has a match: the gallery has no image of a query's identity";
}

double order_free_sum(std::vector<double> values) {
  std::ranges::sort(values);
  return std::accumulate(values.begin(), values.end(), 0.0);
}

double order_free_mean(const std::vector<double>& values) {
  return values.empty() ? 0 : order_free_sum(values) / static_cast<double>(values.size());
}

}  // namespace resolute::results
