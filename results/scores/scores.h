#pragma once
//! \file
//! From the positions of true matches to CMC and mAP.

#include <vector>

#include "results/kernel/matching.h"
#include "results/kernel/positions.h"
#include "results/scores/ranking.h"

namespace resolute::results::kernel {

//! \throws core::RuntimeError (kInput): options out of range
void check(const RankingOptions& options);

//! Score of a query that has a match.
RankedQuery score(const QueryPositions& found);

//! Means over the queries that have a match; one score a query of `matching`. Without RankingScores::per_query.
RankingScores summarise(const std::vector<RankedQuery>& scores, const Matching& matching, int max_rank);

//! Expected average precision of a random order of N images, R of them right: (1/N)·(H_N + (R-1)/(N-1)·(N - H_N)), H_N
//! the harmonic number; 0 without a match. For many sizes up to `largest`: the harmonic numbers are summed once.
class ExpectedPrecision {
 public:
  explicit ExpectedPrecision(std::size_t largest);
  double operator()(std::size_t matches, std::size_t images) const;

 private:
  std::vector<double> harmonic_;  // [largest + 1]
};

}  // namespace resolute::results::kernel
