#include "results/scores/bootstrap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>

#include "bench/statistics/corrected_resampled_t.h"
#include "core/error.h"
#include "core/random/random.h"
#include "tests/support/equal.h"

namespace resolute::results::bootstrap_test {
namespace {

using Trials = std::vector<std::vector<PairedQuery>>;

//! \param spread of a person's mean, and of a query about it
Trials made_up(std::size_t trials, std::int64_t people, int queries, double mean, double person_spread,
               double query_spread, std::uint64_t seed) {
  core::RandomStream random("bootstrap test", {seed});
  Trials made(trials);
  for (auto& trial : made)
    for (std::int64_t person = 0; person < people; ++person) {
      const double person_mean = mean + person_spread * random.normal();
      for (int query = 0; query < queries; ++query)
        trial.push_back({person, {person_mean + query_spread * random.normal()}});
    }
  return made;
}

//! Mean, low and high.
using Ends = std::tuple<double, double, double>;
Ends ends_of(const BootstrapInterval& interval) { return {interval.mean, interval.low, interval.high}; }

constexpr double kSmallestP = 2.0 / (kBootstrapResamples + 1);

TEST(Bootstrap, a_constant_difference_is_certain) {
  const Trials trials(3, {{1, {2.5, -1}}, {1, {2.5, -1}}, {7, {2.5, -1}}});
  EXPECT_THAT(paired_bootstrap(trials, 2), testing::ElementsAre(BootstrapInterval{2.5, 2.5, 2.5, kSmallestP, 2.5, 2.5},
                                                                BootstrapInterval{-1, -1, -1, kSmallestP, -1, -1}));
}

//! Each of `trials` trials tests `tested` of the people, whose own means last.
Trials of_the_same_people(std::size_t trials, std::size_t people, std::size_t tested, double person_spread,
                          double training_spread, std::uint64_t seed) {
  core::RandomStream random("bootstrap test, the same people", {seed});
  std::vector<double> person_mean(people);
  for (double& mean : person_mean) mean = person_spread * random.normal();
  Trials made(trials);
  for (auto& trial : made) {
    const double training = training_spread * random.normal();
    std::vector<std::size_t> drawn = random.permutation(people);
    drawn.resize(tested);
    for (const std::size_t person : drawn)
      for (std::size_t query = 0; query < 1 + person % 3; ++query)
        trial.push_back({static_cast<std::int64_t>(person), {person_mean[person] + training + 5 * random.normal()}});
  }
  return made;
}

double width_of(const Trials& trials) {
  const BootstrapInterval interval = paired_bootstrap(trials, 1)[0];
  return interval.high - interval.low;
}

//! The mean over trials of the mean over queries, of all people but one.
double mean_without(const Trials& trials, std::int64_t person) {
  double mean = 0;
  for (const auto& trial : trials) {
    double sum = 0, queries = 0;
    for (const PairedQuery& query : trial)
      if (query.identity != person) sum += query.difference[0], ++queries;
    mean += sum / queries / static_cast<double>(trials.size());
  }
  return mean;
}

constexpr std::int64_t kNobody = -1;

//! The standard deviation that trainings give the mean.
double training_deviation(const Trials& trials, const std::set<std::int64_t>& people) {
  const auto count = static_cast<double>(trials.size());
  const double mean = mean_without(trials, kNobody);
  double between = 0, apart = 0, together = 0;
  for (const auto& trial : trials) {
    between += std::pow(mean_without({trial}, kNobody) - mean, 2) / count / (count - 1);
    for (const std::int64_t person : people)
      apart += std::pow((mean_without({trial}, kNobody) - mean_without({trial}, person)) / count, 2);
  }
  for (const std::int64_t person : people) together += std::pow(mean - mean_without(trials, person), 2);
  return std::sqrt(std::max(0.0, between - (count * apart - together) / (count - 1)));
}

TEST(Bootstrap, equals_plain_loops_over_people_who_are_left_out) {
  for (const double training_spread : {0.0, 4.0}) {
    const Trials trials = of_the_same_people(4, 30, 15, 8, training_spread, 2);
    std::set<std::int64_t> people;
    for (const auto& trial : trials)
      for (const PairedQuery& query : trial) people.insert(query.identity);
    const double mean = mean_without(trials, kNobody);
    std::vector<double> losses;
    for (const std::int64_t person : people) losses.push_back(mean - mean_without(trials, person));
    const double deviation = training_deviation(trials, people);
    std::vector<double> apart;
    double squares = 0;
    for (const auto& trial : trials) {
      apart.push_back(mean_without({trial}, kNobody) - mean);
      squares += apart.back() * apart.back();
    }
    core::RandomStream drawn_people("paired bootstrap: people", {}), drawn_trainings("paired bootstrap: trainings", {});
    std::vector<double> resampled;
    for (std::size_t b = 0; b < kBootstrapResamples; ++b) {
      double value = mean;
      for (const double loss : losses) value -= loss;
      for (std::size_t i = 0; i < losses.size(); ++i)
        value += losses[static_cast<std::size_t>(drawn_people.uniform() * static_cast<double>(losses.size()))];
      double chi_squared = 0, normal = 0;
      for (int degree = 0; degree < 3; ++degree) chi_squared += std::pow(drawn_trainings.normal(), 2);
      for (const double trial : apart) normal += drawn_trainings.normal() * trial / std::sqrt(squares);
      resampled.push_back(value + deviation * normal / std::sqrt(chi_squared / 3));
    }
    const Percentiles ends = percentiles_of(resampled);
    const BootstrapInterval interval = paired_bootstrap(trials, 1)[0];
    EXPECT_NEAR(interval.mean, mean, 1e-9);
    EXPECT_NEAR(interval.low, ends.low, 1e-9);
    EXPECT_NEAR(interval.high, ends.high, 1e-9);
  }
}

TEST(Bootstrap, one_person_alone_or_one_trial_alone_says_nothing_of_others) {
  // One person never varies, and one trial has nothing of how trainings vary.
  EXPECT_EQ(ends_of(paired_bootstrap({{{1, {1}}, {1, {0}}}}, 1)[0]), Ends(0.5, 0.5, 0.5));
  // Two trials of one person: Student's t of one degree of freedom, whose 97.5th percentile is 12.7.
  const BootstrapInterval interval = paired_bootstrap({{{1, {1}}}, {{1, {0}}}}, 1)[0];
  EXPECT_NEAR(interval.high - interval.mean, 12.7 * 0.5, 0.15 * 12.7 * 0.5);
}

TEST(Bootstrap, a_trial_that_is_there_twice_tells_nothing_more) {
  const Trials once = made_up(1, 20, 3, 1, 5, 5, 4);
  const BootstrapInterval one = paired_bootstrap(once, 1)[0], two = paired_bootstrap({once[0], once[0]}, 1)[0];
  EXPECT_NEAR(one.low, two.low, 1e-9);
  EXPECT_NEAR(one.high, two.high, 1e-9);
}

TEST(Bootstrap, more_trials_of_the_same_people_do_not_make_people_surer) {
  // An official split: what 40 people leave open stays, however many trials there are.
  Trials trials = of_the_same_people(20, 40, 40, 20, 0, 1);
  const double of_one = width_of({trials[0]});
  EXPECT_GT(width_of(trials), 0.9 * of_one);
  // The same numbers as of 800 people.
  for (std::size_t t = 0; t < trials.size(); ++t)
    for (PairedQuery& query : trials[t]) query.identity += 100 * static_cast<std::int64_t>(t);
  EXPECT_LT(width_of(trials), 0.5 * of_one);
}

TEST(Bootstrap, of_trials_without_common_people_it_is_that_of_their_means) {
  // Where people are strangers, and trainings vary most: mean ± t s / sqrt(J).
  Trials trials = made_up(6, 50, 2, 0, 1, 1, 8);
  std::vector<double> means;
  for (std::size_t t = 0; t < trials.size(); ++t)
    for (PairedQuery& query : trials[t]) {
      query.identity += 1000 * static_cast<std::int64_t>(t);
      query.difference[0] += 10 * std::pow(static_cast<double>(t), 2);
    }
  for (const auto& trial : trials) means.push_back(mean_without({trial}, kNobody));
  double mean = 0, variance = 0;
  for (const double one : means) mean += one / 6;
  for (const double one : means) variance += (one - mean) * (one - mean) / 5;
  const double width = 2 * 2.5706 * std::sqrt(variance / 6);
  EXPECT_NEAR(width_of(trials), width, 0.06 * width);
}

TEST(Bootstrap, the_order_of_trials_changes_no_more_than_the_draws) {
  Trials trials = of_the_same_people(5, 40, 20, 5, 2, 3);
  const BootstrapInterval first = paired_bootstrap(trials, 1)[0];
  std::rotate(trials.begin(), trials.begin() + 2, trials.end());
  const BootstrapInterval second = paired_bootstrap(trials, 1)[0];
  EXPECT_NEAR(first.low, second.low, 0.08 * (first.high - first.low));
  EXPECT_NEAR(first.high, second.high, 0.08 * (first.high - first.low));
}

TEST(Bootstrap, p_is_small_where_the_interval_leaves_zero_out) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const BootstrapInterval interval = paired_bootstrap(made_up(3, 20, 2, 2, 4, 4, seed), 1)[0];
    EXPECT_EQ(interval.p <= 0.05, interval.low > 0 || interval.high < 0) << seed;
    EXPECT_GE(interval.p, kSmallestP);
    EXPECT_LE(interval.p, 1);
  }
}

TEST(Bootstrap, the_mean_weighs_queries_within_a_trial_and_trials_alike) {
  // Trial 0: three queries of mean 2; trial 1: one query of 4.
  EXPECT_DOUBLE_EQ(paired_bootstrap({{{1, {3}}, {1, {3}}, {2, {0}}}, {{5, {4}}}}, 1)[0].mean, 3);
}

TEST(Bootstrap, matches_the_normal_interval_of_independent_people) {
  // 200 people of one query: the interval is mean ± 1.96 s / sqrt(200), to the error of 10,000 resamples.
  const Trials trials = made_up(1, 200, 1, 3, 10, 0, 1);
  double mean = 0;
  double squares = 0;
  for (const PairedQuery& query : trials[0]) mean += query.difference[0] / 200;
  for (const PairedQuery& query : trials[0]) squares += (query.difference[0] - mean) * (query.difference[0] - mean);
  const double half = 1.96 * std::sqrt(squares / 200 / 200);
  const BootstrapInterval interval = paired_bootstrap(trials, 1)[0];
  EXPECT_NEAR(interval.mean, mean, 1e-12);
  EXPECT_NEAR(interval.low, mean - half, 0.08 * half);
  EXPECT_NEAR(interval.high, mean + half, 0.08 * half);
}

TEST(Bootstrap, covers_the_truth_about_as_often_as_it_says) {
  // 60 studies of 5 trials on halves of 40 people, true difference 0. Between 87 % and all of them.
  int covered = 0;
  for (std::uint64_t study = 0; study < 60; ++study) {
    const BootstrapInterval interval = paired_bootstrap(of_the_same_people(5, 40, 20, 10, 1, study), 1)[0];
    covered += static_cast<int>(interval.low <= 0 && 0 <= interval.high);
  }
  EXPECT_GE(covered, 52);
  EXPECT_LT(covered, 60);
}

TEST(Bootstrap, of_a_mean_over_data_sets_what_sets_them_apart_is_no_uncertainty) {
  const Trials easy(3, {{1, {10}}, {2, {10}}}), hard(3, {{1, {20}}, {2, {20}}, {3, {20}}});
  EXPECT_EQ(ends_of(paired_bootstrap_of_mean({easy, hard}, 1)[0]), Ends(15, 15, 15));
}

TEST(Bootstrap, of_a_mean_over_data_sets_trials_and_the_same_people_are_drawn_together) {
  // What one direction gains the other loses: in each trial, and for each person.
  const Trials forward = made_up(4, 10, 2, 1, 5, 5, 9);
  Trials back = forward;
  for (auto& trial : back)
    for (PairedQuery& query : trial) query.difference[0] = 4 - query.difference[0];
  const BootstrapInterval interval = paired_bootstrap_of_mean({forward, back}, 1)[0];
  EXPECT_NEAR(interval.low, 2, 1e-12);
  EXPECT_NEAR(interval.high, 2, 1e-12);
  // Other people are drawn by themselves.
  for (auto& trial : back)
    for (PairedQuery& query : trial) query.identity += 100;
  const BootstrapInterval apart = paired_bootstrap_of_mean({forward, back}, 1)[0];
  EXPECT_NEAR(apart.mean, 2, 1e-12);
  EXPECT_GT(apart.high - apart.low, 1);
}

TEST(Bootstrap, of_independent_data_sets_the_mean_is_as_certain_as_theory_says) {
  // Two sets of 200 people of one query: half the root of both variances.
  const std::vector<Trials> sets = {made_up(1, 200, 1, 3, 10, 0, 1), made_up(1, 201, 1, 8, 20, 0, 2)};
  double variance = 0;
  for (const Trials& trials : sets) {
    const auto people = static_cast<double>(trials[0].size());
    double mean = 0, squares = 0;
    for (const PairedQuery& query : trials[0]) mean += query.difference[0] / people;
    for (const PairedQuery& query : trials[0]) squares += (query.difference[0] - mean) * (query.difference[0] - mean);
    variance += squares / people / people / 4;
  }
  const BootstrapInterval interval = paired_bootstrap_of_mean(sets, 1)[0];
  EXPECT_NEAR(interval.high - interval.low, 2 * 1.96 * std::sqrt(variance), 0.16 * std::sqrt(variance));
}

TEST(Bootstrap, a_persons_queries_are_drawn_together) {
  // The same numbers as queries of few people and as people of their own: whole people make the wider interval.
  Trials few = made_up(1, 12, 8, 0, 5, 1, 3);
  Trials many = few;
  for (std::size_t i = 0; i < many[0].size(); ++i) many[0][i].identity = static_cast<std::int64_t>(i);
  const BootstrapInterval wide = paired_bootstrap(few, 1)[0];
  const BootstrapInterval narrow = paired_bootstrap(many, 1)[0];
  EXPECT_GT(wide.high - wide.low, 2 * (narrow.high - narrow.low));
}

TEST(Bootstrap, is_the_same_bits_again_whatever_order_people_come_in) {
  Trials trials = made_up(3, 15, 1, 1, 2, 2, 5);
  const auto first = paired_bootstrap(trials, 1);
  EXPECT_EQ(first, paired_bootstrap(trials, 1));
  for (auto& trial : trials) std::reverse(trial.begin(), trial.end());
  EXPECT_EQ(first, paired_bootstrap(trials, 1));
}

TEST(Bootstrap, the_other_way_round_is_the_mirror_image) {
  Trials trials = made_up(2, 15, 2, 1, 2, 2, 6);
  const BootstrapInterval forward = paired_bootstrap(trials, 1)[0];
  for (auto& trial : trials)
    for (PairedQuery& query : trial) query.difference[0] = -query.difference[0];
  EXPECT_EQ(paired_bootstrap(trials, 1)[0], (BootstrapInterval{-forward.mean, -forward.high, -forward.low, forward.p,
                                                               -forward.inner_high, -forward.inner_low}));
}

TEST(Bootstrap, metrics_share_their_resamples) {
  Trials trials = made_up(2, 15, 2, 1, 2, 2, 6);
  const BootstrapInterval alone = paired_bootstrap(trials, 1)[0];
  for (auto& trial : trials)
    for (PairedQuery& query : trial) query.difference = {query.difference[0], query.difference[0]};
  EXPECT_THAT(paired_bootstrap(trials, 2), testing::ElementsAre(alone, alone));
}

TEST(CorrectedResampledT, equals_values_by_hand) {
  // S² = 2.5, halves: (1/5 + 1) 2.5 = 3. Of two trials S² = 2, a fifth is tested: (1/2 + 1/4) 2 = 1.5.
  const TInterval halves = corrected_resampled_t({1, 2, 3, 4, 5}, 37, 37), two = corrected_resampled_t({0, 2}, 1, 4);
  EXPECT_NEAR(halves.mean, 3, 1e-12);
  EXPECT_NEAR(halves.half, 2.7764 * std::sqrt(3), 1e-9);
  EXPECT_NEAR(two.mean, 1, 1e-12);
  EXPECT_NEAR(two.half, 12.7062 * std::sqrt(1.5), 1e-9);
  EXPECT_THROW(corrected_resampled_t({1}, 1, 1), core::ContractError);
}

TEST(Bootstrap, nothing_to_compare_is_a_broken_promise) {
  EXPECT_THROW(paired_bootstrap({}, 1), core::ContractError);
  EXPECT_THROW(paired_bootstrap({{}}, 1), core::ContractError);
  EXPECT_THROW(paired_bootstrap_of_mean({}, 1), core::ContractError);
  EXPECT_THROW(paired_bootstrap_of_mean({{{{1, {1}}}}, {{{1, {1}}}, {{1, {1}}}}}, 1), core::ContractError);
  EXPECT_THROW(paired_bootstrap({{{1, {1, 2}}}}, 1), core::ContractError);
}

}  // namespace
}  // namespace resolute::results::bootstrap_test
