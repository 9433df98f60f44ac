//! \file
//! How often a table's 95 % interval (results/scores/bootstrap.h) holds the truth, in made-up studies, beside three
//! other intervals of the same studies. Each study has new people. Some of them are tested in each trial, and a
//! person's own difference is the same in all of these trials. The truth is the mean over people and trainings that
//! were never seen. Prints a table, a row per kind of study; bench/statistics/coverage.py puts it on a page.
//!
//! bench_coverage [--studies N] [--few]

#include <cmath>
#include <iostream>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "bench/guarded_main.h"
#include "bench/options.h"
#include "bench/statistics/corrected_resampled_t.h"
#include "core/random/random.h"
#include "results/scores/bootstrap.h"

namespace resolute::results {
namespace {

//! A kind of study; sd is a standard deviation in points.
struct Kind {
  std::string name;
  std::size_t people, tested, trials;
  double person_sd = 20, training_sd = 1, query_sd = 40;
};

constexpr double kPersonInTrialSd = 10;  // what a training does to one person
constexpr std::size_t kOthersResamples = 400;

//! The kinds that a table has to be right for.
const std::vector<Kind> kKinds = {
    {"PKU-Reid, halves", 74, 37, 5},  {"PKU-Reid, halves", 74, 37, 10},      {"CAVIAR, halves", 50, 25, 5},
    {"CAVIAR, halves", 50, 25, 10},   {"CUHK03, sets of 100", 1467, 100, 5}, {"CUHK03, sets of 100", 1467, 100, 10},
    {"VIPeR, halves", 632, 316, 5},   {"VIPeR, halves", 632, 316, 10},       {"official split", 750, 750, 5},
    {"official split", 750, 750, 10},
};
const std::vector<Kind> kOtherKinds = {
    {"PKU-Reid, halves", 74, 37, 5, 15, 0.5, 30},
    {"PKU-Reid, halves", 74, 37, 5, 10, 2},
    {"CAVIAR, halves", 50, 25, 10, 10, 0.5},
    {"CUHK03, sets of 100", 1467, 100, 5, 20, 2},
    {"CUHK03, sets of 100", 1467, 100, 10, 10, 0.5},
    {"VIPeR, halves", 632, 316, 5, 15, 2, 30},
    {"official split", 750, 750, 5, 20, 2},
    {"official split", 750, 750, 10, 15, 0.5, 30},
    {"PKU-Reid, halves", 74, 37, 2},
    {"PKU-Reid, halves", 74, 37, 3},
    {"official split", 750, 750, 2, 20, 2},
    {"official split", 750, 750, 3, 20, 2},
};

struct Tested {
  std::size_t person = 0;
  double sum = 0, queries = 0;
};

struct Study {
  std::vector<std::vector<PairedQuery>> trials;
  std::vector<std::vector<Tested>> people;  // the same by person
};

Study made_up(const Kind& kind, std::uint64_t number) {
  core::RandomStream random("coverage of intervals", {number});
  std::vector<double> own(kind.people), queries(kind.people);
  for (double& value : own) value = kind.person_sd * random.normal();
  for (double& value : queries) value = static_cast<double>(4 + random.below(7));
  Study study;
  for (std::size_t t = 0; t < kind.trials; ++t) {
    const double training = kind.training_sd * random.normal();
    std::vector<std::size_t> drawn = random.permutation(kind.people);
    drawn.resize(kind.tested);
    auto& trial = study.trials.emplace_back();
    auto& people = study.people.emplace_back();
    for (const std::size_t person : drawn) {
      const double mean = own[person] + training + kPersonInTrialSd * random.normal();
      Tested& tested = people.emplace_back(Tested{person, 0, queries[person]});
      for (double query = 0; query < queries[person]; ++query) {
        trial.push_back({static_cast<std::int64_t>(person), {mean + kind.query_sd * random.normal()}});
        tested.sum += trial.back().difference[0];
      }
    }
  }
  return study;
}

//! Of people that are drawn as often as told.
template <class Times>
double mean_of(const std::vector<Tested>& people, const Times& times) {
  double sum = 0, queries = 0;
  for (const Tested& tested : people) {
    const double drawn = times(tested.person);
    sum += drawn * tested.sum;
    queries += drawn * tested.queries;
  }
  return sum / queries;
}

//! Trials are drawn, and people anew in each drawn trial, as if no two trials had tested the same people.
Percentiles drawn_in_each_trial(const Study& study, core::RandomStream& random) {
  std::vector<double> means, places;
  for (std::size_t b = 0; b < kOthersResamples; ++b) {
    double mean = 0;
    for (std::size_t t = 0; t < study.people.size(); ++t) {
      const auto& trial = study.people[random.below(study.people.size())];
      places.resize(trial.size());
      random.fill_uniform(places);
      double sum = 0, queries = 0;
      for (const double place : places) {
        const Tested& tested = trial[static_cast<std::size_t>(place * static_cast<double>(trial.size()))];
        sum += tested.sum;
        queries += tested.queries;
      }
      mean += sum / queries / static_cast<double>(study.people.size());
    }
    means.push_back(mean);
  }
  return percentiles_of(means);
}

//! Trials are drawn, and people once for all of them. Source: Owen, "The pigeonhole bootstrap", The Annals of Applied
//! Statistics 1, 2007.
Percentiles drawn_by_pigeonhole(const Study& study, std::size_t people, core::RandomStream& random) {
  std::vector<std::size_t> tested;
  std::vector<double> times(people);
  for (const auto& trial : study.people)
    for (const Tested& one : trial)
      if (std::exchange(times[one.person], 1) == 0) tested.push_back(one.person);
  std::vector<double> means, of_trial(study.people.size());
  for (std::size_t b = 0; b < kOthersResamples; ++b) {
    std::fill(times.begin(), times.end(), 0.0);
    for (std::size_t i = 0; i < tested.size(); ++i) ++times[tested[random.below(tested.size())]];
    for (std::size_t t = 0; t < of_trial.size(); ++t)
      of_trial[t] = mean_of(study.people[t], [&](std::size_t person) { return times[person]; });
    double mean = 0;
    for (std::size_t t = 0; t < of_trial.size(); ++t) mean += of_trial[random.below(of_trial.size())];
    means.push_back(mean / static_cast<double>(of_trial.size()));
  }
  return percentiles_of(means);
}

Percentiles by_corrected_t(const Study& study, const Kind& kind) {
  std::vector<double> means;
  for (const auto& trial : study.people) means.push_back(mean_of(trial, [](std::size_t) { return 1.0; }));
  const auto [mean, half] =
      corrected_resampled_t(means, static_cast<double>(kind.tested), static_cast<double>(kind.people - kind.tested));
  return {mean - half, mean + half};
}

class Coverage {
 public:
  void add(const Percentiles& interval) {
    ++studies_;
    if (interval.low <= 0 && 0 <= interval.high) ++covering_;
    width_ += interval.high - interval.low;
  }
  std::string text() const {
    return studies_ == 0 ? "–" : fmt::format("{:.1f} % ({:.1f})", 100 * covering_ / studies_, width_ / studies_);
  }

 private:
  double studies_ = 0, covering_ = 0, width_ = 0;
};

void print_row(const Kind& kind, std::uint64_t studies) {
  Coverage ours, each_trial, pigeonhole, corrected_t;
  core::RandomStream random("coverage of intervals: other draws", {});
  for (std::uint64_t number = 0; number < studies; ++number) {
    const Study study = made_up(kind, number);
    const BootstrapInterval interval = paired_bootstrap(study.trials, 1)[0];
    ours.add({interval.low, interval.high});
    each_trial.add(drawn_in_each_trial(study, random));
    pigeonhole.add(drawn_by_pigeonhole(study, kind.people, random));
    if (kind.tested < kind.people) corrected_t.add(by_corrected_t(study, kind));
  }
  std::cout << fmt::format("| {} | {} of {} | {} | {}, {}, {} | {} | {} | {} | {} |\n", kind.name, kind.tested,
                           kind.people, kind.trials, kind.person_sd, kind.training_sd, kind.query_sd, ours.text(),
                           pigeonhole.text(), corrected_t.text(), each_trial.text())
            << std::flush;
}

void run(int argc, char** argv) {
  int studies = 1'000;
  bool few = false;
  read_options(argc, argv, {{"--studies", &studies}, {"--few", &few}});
  std::cout << "| people | tested | trials | sd of people, trainings, queries | ours | crossed draws | corrected t "
               "| people drawn in each trial |\n|---|---|---|---|---|---|---|---|\n";
  for (const Kind& kind : kKinds) print_row(kind, static_cast<std::uint64_t>(studies));
  if (few) return;
  for (const Kind& kind : kOtherKinds) print_row(kind, static_cast<std::uint64_t>(studies));
}

}  // namespace
}  // namespace resolute::results

int main(int argc, char** argv) {
  return resolute::guarded_main("bench_coverage", [&] { resolute::results::run(argc, argv); });
}
