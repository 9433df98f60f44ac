#pragma once
//! \file
//! One whole gallery, ranked by given distances: what results::score_galleries() says of it with its galleries.

#include <span>
#include <utility>
#include <vector>

#include "results/scores/scores.h"

namespace resolute::results {

//! \param distances float or double, row-major queries × gallery, smaller is closer; or kernel::DistanceRows
template <class Distances>
RankingScores rank_distances(const Distances& distances, const Labels& query_labels, const Labels& gallery_labels,
                             const RankingOptions& options) {
  kernel::check(options);
  const Matching matching(query_labels, gallery_labels);
  std::vector<RankedQuery> scores(matching.queries());
  const kernel::Visit visit = [&](const kernel::QueryPositions& found) { scores[found.query] = kernel::score(found); };
  if constexpr (requires { distances.data(); })
    kernel::visit_positions(std::span(distances), matching, options.work, false, visit);
  else
    kernel::visit_positions(distances, matching, options.work, visit);
  RankingScores summary = kernel::summarise(scores, matching, options.max_rank);
  summary.per_query = std::move(scores);
  return summary;
}

}  // namespace resolute::results
