#include "results/scores/rank_correlation.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "core/error.h"
#include "core/random/random.h"
#include "results/scores/bootstrap.h"

namespace resolute::results {
namespace {

__extension__ using Wide = __int128;

void check(std::span<const double> x, std::span<const double> y) {
  if (x.size() != y.size())
    throw core::input_error(fmt::format("{} numbers are to be ranked with {}", x.size(), y.size()),
                            "one of each a pair is needed");
  if (x.size() > kMostRanked)
    throw core::input_error(fmt::format("{} pairs are to be ranked", x.size()),
                            fmt::format("{} at most are ranked without rounding", kMostRanked));
  for (std::span<const double> side : {x, y})
    for (std::size_t i = 0; i < side.size(); ++i)
      if (!std::isfinite(side[i]))
        throw core::input_error(fmt::format("number {} of those to be ranked is {}", i, side[i]),
                                "ranks need finite numbers");
}

//! The pairs of one side in ascending order; ends of the runs of equal values.
struct SortedSide {
  std::vector<std::size_t> order;
  std::vector<std::size_t> run_ends;

  explicit SortedSide(std::span<const double> values) : order(values.size()) {
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order, [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
    for (std::size_t i = 1; i <= order.size(); ++i)
      if (i == order.size() || values[order[i - 1]] < values[order[i]]) run_ends.push_back(i);
  }

  //! Twice each pair's rank less twice the mean of all ranks, (n + 1) / 2, where pair i stands counts[i] times: a whole
  //! number. \param total sum of the counts
  void deviations(const std::vector<std::int64_t>& counts, std::int64_t total, std::vector<std::int64_t>& to) const {
    std::int64_t before = 0;
    std::size_t begin = 0;
    for (std::size_t end : run_ends) {
      std::int64_t run = 0;
      for (std::size_t i = begin; i < end; ++i) run += counts[order[i]];
      // The run's ranks are before + 1, …, before + run.
      const std::int64_t twice_rank = 2 * before + run + 1;
      for (std::size_t i = begin; i < end; ++i) to[order[i]] = twice_rank - (total + 1);
      before += run;
      begin = end;
    }
  }
};

class Correlation {
 public:
  Correlation(std::span<const double> x, std::span<const double> y)
      : x_(x), y_(y), x_deviations_(x.size()), y_deviations_(y.size()) {}

  //! The sums over pairs, pair i standing counts[i] times. Exact sums: they are at most N³ / 3, where the largest group
  //! fills a resample N < 10⁶ · 10⁶ / 4.
  double operator()(const std::vector<std::int64_t>& counts) {
    const std::int64_t total = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
    x_.deviations(counts, total, x_deviations_);
    y_.deviations(counts, total, y_deviations_);
    Wide xx = 0, yy = 0, xy = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      const Wide x = x_deviations_[i], y = y_deviations_[i];
      xx += counts[i] * x * x;
      yy += counts[i] * y * y;
      xy += counts[i] * x * y;
    }
    if (xx == 0 || yy == 0) return 0;
    return std::clamp(static_cast<double>(xy) / std::sqrt(static_cast<double>(xx) * static_cast<double>(yy)), -1.0,
                      1.0);
  }

 private:
  SortedSide x_;
  SortedSide y_;
  std::vector<std::int64_t> x_deviations_;
  std::vector<std::int64_t> y_deviations_;
};

}  // namespace

RankCorrelation rank_correlation_interval(std::span<const double> x, std::span<const double> y,
                                          std::span<const std::int64_t> groups) {
  check(x, y);
  if (groups.size() != x.size())
    throw core::input_error(fmt::format("{} pairs are in {} groups", x.size(), groups.size()),
                            "each pair is in one group");
  Correlation correlation(x, y);
  std::vector<std::int64_t> counts(x.size(), 1);
  RankCorrelation result;
  result.rho = result.low = result.high = correlation(counts);

  // A group's place among the groups in ascending order, not its pairs' places, meets the draws.
  std::vector<std::int64_t> names(groups.begin(), groups.end());
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  if (names.size() < 2) return result;  // every resample is the pairs themselves
  std::vector<std::size_t> place(groups.size());
  for (std::size_t i = 0; i < groups.size(); ++i)
    place[i] = static_cast<std::size_t>(std::ranges::lower_bound(names, groups[i]) - names.begin());

  core::RandomStream random("bootstrap of a rank correlation over groups", {});
  std::vector<double> resampled;
  std::vector<std::int64_t> drawn(names.size());
  for (std::size_t b = 0; b < kCorrelationResamples; ++b) {
    std::ranges::fill(drawn, 0);
    for (std::size_t g = 0; g < names.size(); ++g) ++drawn[static_cast<std::size_t>(random.below(names.size()))];
    for (std::size_t i = 0; i < place.size(); ++i) counts[i] = drawn[place[i]];
    resampled.push_back(correlation(counts));
  }
  const Percentiles ends = percentiles_of(resampled);
  return {result.rho, ends.low, ends.high};
}

}  // namespace resolute::results
