#include "results/scores/ranking.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

#include "results/scores/scores.h"

namespace resolute::results {
RankingScores rank_features(const FeatureMatrix& query, const Labels& query_labels, const GallerySource& gallery,
                            const Labels& gallery_labels, std::span<const std::int64_t> prefix, const Gemm& gemm,
                            const RankingOptions& options) {
  kernel::check(options);
  const Matching matching(query_labels, gallery_labels);
  std::vector<RankedQuery> scores(matching.queries());
  kernel::visit_positions(query, gallery, prefix, matching, gemm, options.work, false,
                          [&](const kernel::QueryPositions& found) { scores[found.query] = kernel::score(found); });
  RankingScores summary = kernel::summarise(scores, matching, options.max_rank);
  summary.per_query = std::move(scores);
  return summary;
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
