#include "results/scores/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "core/error.h"
#include "core/random/random.h"

namespace resolute::results {
namespace {

using PerMetric = std::vector<double>;
using Trials = std::vector<std::vector<PairedQuery>>;
//! The first data set with the same people, and an identity in it.
using Person = std::pair<std::size_t, std::int64_t>;

struct Sums {
  PerMetric sums;
  double queries = 0;
};

void add(Sums& to, const PerMetric& sums, double queries) {
  to.sums.resize(sums.size());
  for (std::size_t m = 0; m < sums.size(); ++m) to.sums[m] += sums[m];
  to.queries += queries;
}

//! The first data set with the same people in every trial, for each data set: often itself.
std::vector<std::size_t> first_with_the_same_people(const std::vector<Trials>& datasets) {
  std::vector<std::vector<std::set<std::int64_t>>> people;
  std::vector<std::size_t> first;
  for (const Trials& trials : datasets) {
    std::vector<std::set<std::int64_t>> tested(trials.size());
    for (std::size_t t = 0; t < trials.size(); ++t)
      for (const PairedQuery& query : trials[t]) tested[t].insert(query.identity);
    first.push_back(static_cast<std::size_t>(std::ranges::find(people, tested) - people.begin()));
    people.push_back(std::move(tested));
  }
  return first;
}

//! The loss of a trial's mean when a person is left out, person by person; adds the mean itself to `mean`.
std::map<Person, PerMetric> losses_of(const std::vector<Trials>& datasets, std::size_t trial,
                                      const std::vector<std::size_t>& same_people, PerMetric& mean) {
  const auto share = 1 / static_cast<double>(datasets.size());
  std::map<Person, PerMetric> losses;
  for (std::size_t d = 0; d < datasets.size(); ++d) {
    std::map<std::int64_t, Sums> people;
    Sums all;
    for (const PairedQuery& query : datasets[d][trial]) {
      RESOLUTE_EXPECT(query.difference.size() == mean.size(), "a query has a difference in each metric");
      add(people[query.identity], query.difference, 1);
    }
    RESOLUTE_EXPECT(!people.empty(), "a trial has queries");
    for (const auto& [identity, person] : people) add(all, person.sums, person.queries);
    for (std::size_t m = 0; m < mean.size(); ++m) mean[m] += share * (all.sums[m] / all.queries);
    for (const auto& [identity, person] : people) {
      PerMetric& loss = losses.try_emplace({same_people[d], identity}, mean.size(), 0.0).first->second;
      if (people.size() == 1) continue;  // nobody to compare with
      for (std::size_t m = 0; m < mean.size(); ++m)
        loss[m] +=
            share * (all.sums[m] / all.queries - (all.sums[m] - person.sums[m]) / (all.queries - person.queries));
    }
  }
  return losses;
}

//! The parts of which resamples are sums.
struct Parts {
  PerMetric mean;
  std::vector<PerMetric> people;     // what the mean loses without each
  std::vector<PerMetric> trainings;  // of each trial; their squares add up to the variance of the mean by trainings
};

//! \param apart the variance that people would give the mean if no trial shared any
void keep_what_trainings_give(Parts& parts, const PerMetric& apart) {
  const auto trials = static_cast<double>(parts.trainings.size());
  for (std::size_t m = 0; m < apart.size(); ++m) {
    double by_people = 0, between = 0;
    for (const PerMetric& loss : parts.people) by_people += loss[m] * loss[m];
    for (const PerMetric& trial : parts.trainings) between += trial[m] * trial[m];
    // Means of trials differ by their people too: by those that they do not share.
    const double variance = between / (trials * (trials - 1)) - (trials * apart[m] - by_people) / (trials - 1);
    const double kept = trials > 1 && variance > 0 && between > 0 ? std::sqrt(variance / between) : 0;
    for (PerMetric& trial : parts.trainings) trial[m] *= kept;
  }
}

Parts parts_of(const std::vector<Trials>& datasets, std::size_t metrics) {
  const std::vector<std::size_t> same_people = first_with_the_same_people(datasets);
  const std::size_t trials = datasets.front().size();
  const double share = 1 / static_cast<double>(trials);
  Parts parts{PerMetric(metrics), {}, std::vector<PerMetric>(trials, PerMetric(metrics))};
  std::map<Person, PerMetric> people;
  PerMetric apart(metrics);
  for (std::size_t t = 0; t < trials; ++t)
    for (const auto& [person, losses] : losses_of(datasets, t, same_people, parts.trainings[t])) {
      PerMetric& loss = people.try_emplace(person, metrics, 0.0).first->second;
      for (std::size_t m = 0; m < metrics; ++m) {
        loss[m] += share * losses[m];
        apart[m] += share * losses[m] * share * losses[m];
      }
    }
  for (auto& [person, loss] : people) parts.people.push_back(std::move(loss));
  for (std::size_t m = 0; m < metrics; ++m) {
    for (const PerMetric& trial : parts.trainings) parts.mean[m] += trial[m];
    parts.mean[m] /= static_cast<double>(trials);
    for (PerMetric& trial : parts.trainings) trial[m] -= parts.mean[m];
  }
  keep_what_trainings_give(parts, apart);
  return parts;
}

//! Draws the mean over new people and new trainings. Trainings have a stream of their own, so that the people drawn are
//! the same for any number of trials.
class Resampling {
 public:
  explicit Resampling(const Parts& parts) : parts_(parts), center_(parts.mean), places_(parts.people.size()) {
    for (const PerMetric& loss : parts.people) {
      losses_.insert(losses_.end(), loss.begin(), loss.end());
      for (std::size_t m = 0; m < center_.size(); ++m) center_[m] -= loss[m];
    }
  }

  PerMetric draw() {
    PerMetric drawn = center_;
    people_.fill_uniform(places_);
    const auto people = static_cast<double>(places_.size());
    for (const double place : places_) {
      const double* loss = &losses_[static_cast<std::size_t>(place * people) * drawn.size()];
      for (double& value : drawn) value += *loss++;
    }
    double chi_squared = 0;
    for (std::size_t t = 1; t < parts_.trainings.size(); ++t) chi_squared += std::pow(trainings_.normal(), 2);
    const double degrees = static_cast<double>(parts_.trainings.size()) - 1;
    if (degrees > 0)
      for (const PerMetric& trial : parts_.trainings) {
        const double students = trainings_.normal() / std::sqrt(chi_squared / degrees);
        for (std::size_t m = 0; m < drawn.size(); ++m) drawn[m] += students * trial[m];
      }
    return drawn;
  }

 private:
  const Parts& parts_;
  PerMetric center_;
  std::vector<double> losses_;  // people × metrics
  std::vector<double> places_;
  core::RandomStream people_{"paired bootstrap: people", {}}, trainings_{"paired bootstrap: trainings", {}};
};

//! \param resampled a statistic's values
double two_sided_p(const std::vector<double>& resampled) {
  const auto below = std::ranges::count_if(resampled, [](double value) { return value <= 0; });
  const auto above = std::ranges::count_if(resampled, [](double value) { return value >= 0; });
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
  RESOLUTE_EXPECT(!datasets.empty() && !datasets.front().empty(), "there are trials to draw");
  for (const auto& trials : datasets)
    RESOLUTE_EXPECT(trials.size() == datasets.front().size(), "data sets have the same trials");
  const Parts parts = parts_of(datasets, metrics);
  Resampling resampling(parts);
  std::vector<std::vector<double>> resampled(metrics, std::vector<double>(kBootstrapResamples));
  for (std::size_t b = 0; b < kBootstrapResamples; ++b) {
    const PerMetric drawn = resampling.draw();
    for (std::size_t m = 0; m < metrics; ++m) resampled[m][b] = drawn[m];
  }
  std::vector<BootstrapInterval> intervals;
  for (std::size_t m = 0; m < metrics; ++m) {
    const auto [low, high] = percentiles_of(resampled[m]);
    const auto [inner_low, inner_high] = percentiles_of(resampled[m], 20);
    intervals.push_back({parts.mean[m], low, high, two_sided_p(resampled[m]), inner_low, inner_high});
  }
  return intervals;
}

Percentiles percentiles_of(std::vector<double>& resampled, std::size_t one_in) {
  const std::size_t tail = (resampled.size() + 1) / one_in;
  RESOLUTE_EXPECT(tail >= 1, "a percentile needs resamples");
  std::ranges::sort(resampled);
  return {resampled[tail - 1], resampled[resampled.size() - tail]};
}

}  // namespace resolute::results
