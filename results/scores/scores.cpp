#include "results/scores/scores.h"

#include "core/error.h"

namespace resolute::results::kernel {

void check(const RankingOptions& options) {
  if (options.max_rank < 1)
    throw core::input_error(fmt::format("the largest rank is {}", options.max_rank), "at least 1 is needed");
}

RankedQuery score(const QueryPositions& found) {
  double sum = 0;
  for (std::size_t i = 0; i < found.matches.size(); ++i)
    sum += static_cast<double>(i + 1) / static_cast<double>(i + 1 + found.wrong_at_most[i]);
  const auto matches = static_cast<double>(found.matches.size());
  return {1 + found.wrong_at_most[0], sum / matches,
          matches / (matches + static_cast<double>(found.wrong_at_most.back()))};
}

RankingScores summarise(const std::vector<RankedQuery>& scores, const Matching& matching, int max_rank) {
  RankingScores summary;
  summary.cmc.assign(static_cast<std::size_t>(max_rank), 0.0);
  std::vector<std::uint64_t> first_at(summary.cmc.size(), 0);
  std::vector<double> precisions;
  std::vector<double> penalties;
  std::vector<double> chances;
  std::vector<std::size_t> matches;
  ExpectedPrecision expected(matching.gallery());
  for (std::size_t q = 0; q < scores.size(); ++q) {
    if (scores[q].rank == 0) {
      ++summary.queries_without_match;
      continue;
    }
    ++summary.queries;
    if (scores[q].rank <= first_at.size()) ++first_at[scores[q].rank - 1];
    precisions.push_back(scores[q].average_precision);
    penalties.push_back(scores[q].inverse_negative_penalty);
    matching.matches_of(q, matches);
    chances.push_back(expected(matches.size(), matches.size() + matching.wrong_for(q)));
  }
  if (summary.queries == 0) return summary;
  std::uint64_t within = 0;
  for (std::size_t k = 0; k < first_at.size(); ++k) {
    within += first_at[k];
    summary.cmc[k] = static_cast<double>(within) / static_cast<double>(summary.queries);
  }
  summary.map = order_free_mean(precisions);
  summary.minp = order_free_mean(penalties);
  summary.chance_map = order_free_mean(chances);
  return summary;
}

ExpectedPrecision::ExpectedPrecision(std::size_t largest) : harmonic_(largest + 1, 0.0) {
  for (std::size_t n = 1; n <= largest; ++n) harmonic_[n] = harmonic_[n - 1] + 1.0 / static_cast<double>(n);
}

double ExpectedPrecision::operator()(std::size_t matches, std::size_t images) const {
  RESOLUTE_EXPECT(matches <= images && images < harmonic_.size(), "more matches than images");
  if (matches == 0) return 0;
  if (images == 1) return 1;
  double total = static_cast<double>(images);
  double harmonic = harmonic_[images];
  return (harmonic + static_cast<double>(matches - 1) / (total - 1) * (total - harmonic)) / total;
}

}  // namespace resolute::results::kernel
