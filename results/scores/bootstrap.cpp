#include "results/scores/bootstrap.h"

#include <algorithm>
#include <map>
#include <utility>

#include "core/error.h"
#include "core/random/random.h"

namespace resolute::results {
namespace {

//! A trial's people on one data set: sums of their queries' differences, and how many queries those are. A resample
//! adds these up.
struct Clusters {
  std::vector<std::int64_t> identities;
  std::vector<double> sums;     // people × metrics
  std::vector<double> queries;  // people
  std::size_t drawn_as = 0;     // the first data set of the trial with these identities
};

//! A trial's data sets.
using Trial = std::vector<Clusters>;

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
    clusters.identities.push_back(identity);
    clusters.sums.insert(clusters.sums.end(), sums.begin(), sums.end());
    clusters.queries.push_back(static_cast<double>(queries.size()));
  }
  return clusters;
}

void add_to(Trial& trial, Clusters clusters) {
  clusters.drawn_as = 0;
  while (clusters.drawn_as < trial.size() && trial[clusters.drawn_as].identities != clusters.identities)
    ++clusters.drawn_as;
  trial.push_back(std::move(clusters));
}

//! Mean over trials of the mean over data sets of the mean over queries.
class Statistic {
 public:
  Statistic(const std::vector<Trial>& trials, std::size_t metrics)
      : trials_(trials), sums_(metrics), of_trial_(metrics), means_(metrics), picked_(trials.front().size()) {}

  //! \param pick_trial called with each place \param pick_person with a number of people and a place among them
  template <class PickTrial, class PickPerson>
  const std::vector<double>& over(const PickTrial& pick_trial, const PickPerson& pick_person) {
    std::fill(means_.begin(), means_.end(), 0.0);
    for (std::size_t t = 0; t < trials_.size(); ++t) {
      const Trial& trial = trials_[pick_trial(t)];
      std::fill(of_trial_.begin(), of_trial_.end(), 0.0);
      for (std::size_t d = 0; d < trial.size(); ++d) {
        if (trial[d].drawn_as == d) pick(picked_[d], trial[d].queries.size(), pick_person);
        add(trial[d], picked_[trial[d].drawn_as]);
      }
      for (std::size_t m = 0; m < means_.size(); ++m) means_[m] += of_trial_[m] / static_cast<double>(trial.size());
    }
    for (double& mean : means_) mean /= static_cast<double>(trials_.size());
    return means_;
  }

 private:
  static void pick(std::vector<std::size_t>& picked, std::size_t people, const auto& pick_person) {
    picked.resize(people);
    for (std::size_t i = 0; i < people; ++i) picked[i] = pick_person(people, i);
  }

  void add(const Clusters& clusters, const std::vector<std::size_t>& picked) {
    std::fill(sums_.begin(), sums_.end(), 0.0);
    double queries = 0;
    for (const std::size_t person : picked) {
      queries += clusters.queries[person];
      for (std::size_t m = 0; m < sums_.size(); ++m) sums_[m] += clusters.sums[person * sums_.size() + m];
    }
    for (std::size_t m = 0; m < sums_.size(); ++m) of_trial_[m] += sums_[m] / queries;
  }

  const std::vector<Trial>& trials_;
  std::vector<double> sums_, of_trial_, means_;
  std::vector<std::vector<std::size_t>> picked_;  // people of each data set
};

//! \param resampled a statistic's values
double two_sided_p(const std::vector<double>& resampled) {
  const auto below = std::count_if(resampled.begin(), resampled.end(), [](double value) { return value <= 0; });
  const auto above = std::count_if(resampled.begin(), resampled.end(), [](double value) { return value >= 0; });
  return std::min(1.0,
                  2.0 * static_cast<double>(1 + std::min(below, above)) / static_cast<double>(resampled.size() + 1));
}

}  // namespace

std::vector<BootstrapInterval> paired_bootstrap(const std::vector<std::vector<PairedQuery>>& trials,
                                                std::size_t metrics) {
  return paired_bootstrap_of_mean({trials}, metrics);
}

std::vector<BootstrapInterval> paired_bootstrap_of_mean(
    const std::vector<std::vector<std::vector<PairedQuery>>>& datasets, std::size_t metrics) {
  RESOLUTE_EXPECT(!datasets.empty() && !datasets.front().empty(), "there are trials");
  std::vector<Trial> trials(datasets.front().size());
  for (const auto& dataset : datasets) {
    RESOLUTE_EXPECT(dataset.size() == trials.size(), "each data set has equally many trials");
    for (std::size_t t = 0; t < trials.size(); ++t) add_to(trials[t], clusters_of(dataset[t], metrics));
  }
  Statistic statistic(trials, metrics);
  const auto in_place = [](std::size_t place) { return place; };
  std::vector<BootstrapInterval> intervals;
  for (double mean : statistic.over(in_place, [](std::size_t, std::size_t place) { return place; }))
    intervals.push_back({.mean = mean});

  core::RandomStream random("paired bootstrap over trials and identities", {});
  const auto below = [&](std::size_t bound) { return static_cast<std::size_t>(random.below(bound)); };
  std::vector<std::vector<double>> resampled(metrics, std::vector<double>(kBootstrapResamples));
  for (std::size_t b = 0; b < kBootstrapResamples; ++b) {
    const std::vector<double>& means = statistic.over([&](std::size_t) { return below(trials.size()); },
                                                      [&](std::size_t people, std::size_t) { return below(people); });
    for (std::size_t m = 0; m < metrics; ++m) resampled[m][b] = means[m];
  }
  for (std::size_t m = 0; m < metrics; ++m) {
    const Percentiles ends = percentiles_of(resampled[m]);
    intervals[m].low = ends.low;
    intervals[m].high = ends.high;
    intervals[m].p = two_sided_p(resampled[m]);
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
