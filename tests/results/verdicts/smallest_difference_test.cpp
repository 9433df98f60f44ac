#include "results/verdicts/smallest_difference.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "core/error.h"
#include "core/random/random.h"

namespace resolute::results::smallest_difference_test {
namespace {

using Trials = std::vector<std::map<std::int64_t, double>>;

//! A study of `people` of a population of `population`, drawn anew for each trial.
Trials study(const SpreadParts& parts, int trials, std::size_t people, std::size_t population, std::uint64_t seed) {
  core::RandomStream random("smallest difference test", {seed});
  std::vector<double> own(population);
  for (double& value : own) value = parts.person * random.normal();
  std::vector<std::int64_t> order(population);
  std::iota(order.begin(), order.end(), 0);
  Trials made(static_cast<std::size_t>(trials));
  for (auto& trial : made) {
    for (std::size_t i = 0; i < people; ++i)
      std::swap(order[i], order[i + static_cast<std::size_t>(random.below(population - i))]);
    const double luck = parts.trial * random.normal();
    for (std::size_t i = 0; i < people; ++i)
      trial[order[i]] = own[static_cast<std::size_t>(order[i])] + luck + parts.rest * random.normal();
  }
  return made;
}

double mean_of(const Trials& trials) {
  double sum = 0;
  for (const auto& trial : trials) {
    double of_trial = 0;
    for (const auto& [person, value] : trial) of_trial += value;
    sum += of_trial / static_cast<double>(trial.size());
  }
  return sum / static_cast<double>(trials.size());
}

TEST(SmallestDifference, the_variance_is_that_of_simulated_studies) {
  const SpreadParts parts{20, 3, 22};
  struct Case {
    int trials;
    std::size_t people, population;
  };
  for (const Case& one : {Case{10, 37, 74}, {5, 50, 50}, {3, 10, 400}, {1, 25, 50}}) {
    constexpr int kStudies = 3000;
    double squares = 0;
    for (int s = 0; s < kStudies; ++s) {
      const double mean = mean_of(study(parts, one.trials, one.people, one.population, static_cast<std::uint64_t>(s)));
      squares += mean * mean / kStudies;
    }
    const double shared = static_cast<double>(one.people) / static_cast<double>(one.population);
    const double predicted = variance_of_mean(parts, {one.trials, static_cast<double>(one.people), shared});
    EXPECT_NEAR(1, squares / predicted, 0.1) << one.trials << " trials";  // its own error is sqrt(2 / 3000), 2.6 %
  }
}

TEST(SmallestDifference, is_seen_in_four_of_five_studies) {
  const SpreadParts parts{20, 1.5, 22};
  const StudyShape shape{10, 40, 0.5};
  const double difference = smallest_difference(parts, shape), error = std::sqrt(variance_of_mean(parts, shape));
  int seen = 0;
  for (std::uint64_t s = 0; s < 2000; ++s)
    seen += static_cast<int>(difference + mean_of(study(parts, 10, 40, 80, s)) > 1.96 * error);
  EXPECT_NEAR(0.8, seen / 2000.0, 0.03);
}

TEST(SmallestDifference, shrinks_with_trials_to_what_people_allow) {
  const SpreadParts parts{20, 3, 22};
  double last = smallest_difference(parts, {1, 100, 1});
  for (int trials = 2; trials < 40; ++trials) {
    const double now = smallest_difference(parts, {trials, 100, 1});
    EXPECT_LT(now, last);
    last = now;
  }
  EXPECT_GT(last, 2.8 * 20 / 10);
  EXPECT_LT(smallest_difference(parts, {40, 100, 0}), last) << "new people in each trial";
  EXPECT_THROW(variance_of_mean(parts, {0, 100, 0}), core::ContractError);
}

TEST(SpreadParts, are_those_that_a_study_was_made_with) {
  const SpreadParts parts{20, 4, 15};
  SpreadParts mean;
  constexpr int kStudies = 200;
  for (int s = 0; s < kStudies; ++s) {
    const auto found = spread_parts(study(parts, 8, 30, 60, static_cast<std::uint64_t>(s)));
    ASSERT_TRUE(found);
    mean.person += found->person * found->person / kStudies;
    mean.trial += found->trial * found->trial / kStudies;
    mean.rest += found->rest * found->rest / kStudies;
  }
  EXPECT_NEAR(400, mean.person, 30);
  EXPECT_NEAR(16, mean.trial, 4);
  EXPECT_NEAR(225, mean.rest, 8);
}

TEST(SpreadParts, of_values_without_a_rest_are_told_exactly) {
  Trials trials(5);
  for (std::size_t t = 0; t < 5; ++t)
    for (std::int64_t person = 0; person < 3; ++person)
      trials[t][person] = static_cast<double>(10 * person) + static_cast<double>(t);
  const SpreadParts parts = spread_parts(trials).value();
  EXPECT_NEAR(10, parts.person, 1e-9);             // 0, 10, 20
  EXPECT_NEAR(std::sqrt(2.5), parts.trial, 1e-9);  // 0 to 4
  EXPECT_NEAR(0, parts.rest, 1e-5);
}

TEST(SpreadParts, are_not_told_by_few_trials_or_by_people_who_never_come_again) {
  Trials trials = study({20, 4, 15}, 5, 10, 20, 1);
  EXPECT_TRUE(spread_parts(trials));
  trials.pop_back();
  EXPECT_FALSE(spread_parts(trials));
  Trials strangers(6);
  for (std::size_t t = 0; t < 6; ++t)
    for (std::int64_t person = 0; person < 4; ++person)
      strangers[t][static_cast<std::int64_t>(10 * t) + person] = static_cast<double>(person);
  EXPECT_FALSE(spread_parts(strangers));
}

}  // namespace
}  // namespace resolute::results::smallest_difference_test
