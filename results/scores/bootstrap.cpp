#include "results/scores/bootstrap.h"

#include <algorithm>
#include <map>

#include "core/error.h"
#include "core/random/random.h"

namespace resolute::results {
namespace {

//! A trial's people: sums of their queries' differences, and how many queries those are. A resample adds these up.
struct Clusters {
  std::vector<double> sums;     // people × metrics
  std::vector<double> queries;  // people
};

Clusters clusters_of(const std::vector<PairedQuery>& trial, std::size_t metrics) {
  RESOLUTE_EXPECT(!trial.empty(), "a trial has queries");
  std::map<std::int64_t, std::vector<const PairedQuery*>> people;
  for (const PairedQuery& query : trial) people[query.identity].push_back(&query);
  Clusters clusters;
  for (const auto& [identity, queries] : people) {
    std::vector<double> sums(metrics, 0.0);
    for (const PairedQuery* query : queries) {
      RESOLUTE_EXPECT(query->difference.size() == metrics, "a query has a difference in each metric");
      for (std::size_t m = 0; m < metrics; ++m) sums[m] += query->difference[m];
    }
    clusters.sums.insert(clusters.sums.end(), sums.begin(), sums.end());
    clusters.queries.push_back(static_cast<double>(queries.size()));
  }
  return clusters;
}

//! Mean over trials of the mean over queries. \param pick_trial called with each place; \param pick_person with the
//! trial's number of people and a place among them
template <class PickTrial, class PickPerson>
void statistic(const std::vector<Clusters>& trials, std::vector<double>& sums, std::vector<double>& means,
               const PickTrial& pick_trial, const PickPerson& pick_person) {
  std::fill(means.begin(), means.end(), 0.0);
  for (std::size_t t = 0; t < trials.size(); ++t) {
    const Clusters& trial = trials[pick_trial(t)];
    const std::size_t people = trial.queries.size();
    std::fill(sums.begin(), sums.end(), 0.0);
    double queries = 0;
    for (std::size_t i = 0; i < people; ++i) {
      const std::size_t person = pick_person(people, i);
      queries += trial.queries[person];
      for (std::size_t m = 0; m < sums.size(); ++m) sums[m] += trial.sums[person * sums.size() + m];
    }
    for (std::size_t m = 0; m < sums.size(); ++m) means[m] += sums[m] / queries;
  }
  for (double& mean : means) mean /= static_cast<double>(trials.size());
}

}  // namespace

std::vector<BootstrapInterval> paired_bootstrap(const std::vector<std::vector<PairedQuery>>& trials,
                                                std::size_t metrics) {
  RESOLUTE_EXPECT(!trials.empty(), "there are trials");
  std::vector<Clusters> clusters;
  for (const auto& trial : trials) clusters.push_back(clusters_of(trial, metrics));
  std::vector<double> sums(metrics);
  std::vector<double> means(metrics);
  const auto in_place = [](std::size_t place) { return place; };
  statistic(clusters, sums, means, in_place, [](std::size_t, std::size_t place) { return place; });
  std::vector<BootstrapInterval> intervals;
  for (double mean : means) intervals.push_back({mean, 0, 0});

  core::RandomStream random("paired bootstrap over trials and identities", {});
  const auto below = [&](std::size_t bound) { return static_cast<std::size_t>(random.below(bound)); };
  std::vector<std::vector<double>> resampled(metrics, std::vector<double>(kBootstrapResamples));
  for (std::size_t b = 0; b < kBootstrapResamples; ++b) {
    statistic(
        clusters, sums, means, [&](std::size_t) { return below(clusters.size()); },
        [&](std::size_t people, std::size_t) { return below(people); });
    for (std::size_t m = 0; m < metrics; ++m) resampled[m][b] = means[m];
  }
  for (std::size_t m = 0; m < metrics; ++m) {
    const Percentiles ends = percentiles_of(resampled[m]);
    intervals[m].low = ends.low;
    intervals[m].high = ends.high;
  }
  return intervals;
}

Percentiles percentiles_of(std::vector<double>& resampled) {
  const std::size_t tail = (resampled.size() + 1) / 40;
  RESOLUTE_EXPECT(tail >= 1, "a percentile needs resamples");
  std::sort(resampled.begin(), resampled.end());
  return {resampled[tail - 1], resampled[resampled.size() - tail]};
}

}  // namespace resolute::results
