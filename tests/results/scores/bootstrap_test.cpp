#include "results/scores/bootstrap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <tuple>

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
      const double own = mean + person_spread * random.normal();
      for (int query = 0; query < queries; ++query) trial.push_back({person, {own + query_spread * random.normal()}});
    }
  return made;
}

//! Mean, low and high.
using Ends = std::tuple<double, double, double>;
Ends ends_of(const BootstrapInterval& interval) { return {interval.mean, interval.low, interval.high}; }

constexpr double kSmallestP = 2.0 / (kBootstrapResamples + 1);

TEST(Bootstrap, a_constant_difference_is_certain) {
  const Trials trials(3, {{1, {2.5, -1}}, {1, {2.5, -1}}, {7, {2.5, -1}}});
  EXPECT_THAT(paired_bootstrap(trials, 2), testing::ElementsAre(BootstrapInterval{2.5, 2.5, 2.5, kSmallestP},
                                                                BootstrapInterval{-1, -1, -1, kSmallestP}));
}

TEST(Bootstrap, of_two_people_it_is_the_distribution_that_can_be_counted) {
  // One person better by 1, one not: both drawn twice with probability 1/4 each, so the 2.5th percentile is 0.
  EXPECT_EQ(ends_of(paired_bootstrap({{{1, {1}}, {2, {0}}}}, 1)[0]), Ends(0.5, 0, 1));
  // Two trials of one person each: the same by trials.
  EXPECT_EQ(ends_of(paired_bootstrap({{{1, {1}}}, {{1, {0}}}}, 1)[0]), Ends(0.5, 0, 1));
  // One person alone never varies.
  EXPECT_EQ(ends_of(paired_bootstrap({{{1, {1}}, {1, {0}}}}, 1)[0]), Ends(0.5, 0.5, 0.5));
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
  // 60 studies of 3 trials with 20 people of 4 queries, true difference 1. Between 85 % and all of them.
  int covered = 0;
  for (std::uint64_t study = 0; study < 60; ++study) {
    const BootstrapInterval interval = paired_bootstrap(made_up(3, 20, 4, 1, 5, 5, study), 1)[0];
    covered += static_cast<int>(interval.low <= 1 && 1 <= interval.high);
  }
  EXPECT_GE(covered, 51);
  EXPECT_LT(covered, 60);
}

TEST(Bootstrap, of_a_mean_over_data_sets_what_sets_them_apart_is_no_uncertainty) {
  const Trials easy(3, {{1, {10}}, {2, {10}}}), hard(3, {{1, {20}}, {2, {20}}, {3, {20}}});
  EXPECT_EQ(ends_of(paired_bootstrap_of_mean({easy, hard}, 1)[0]), Ends(15, 15, 15));
}

TEST(Bootstrap, of_a_mean_over_data_sets_trials_and_the_same_people_are_drawn_together) {
  // What one direction gains the other loses: in each trial, and for each person.
  const Trials there = made_up(4, 10, 2, 1, 5, 5, 9);
  Trials back = there;
  for (auto& trial : back)
    for (PairedQuery& query : trial) query.difference[0] = 4 - query.difference[0];
  const BootstrapInterval interval = paired_bootstrap_of_mean({there, back}, 1)[0];
  EXPECT_NEAR(interval.low, 2, 1e-12);
  EXPECT_NEAR(interval.high, 2, 1e-12);
  // Other people are drawn by themselves.
  for (auto& trial : back)
    for (PairedQuery& query : trial) query.identity += 100;
  const BootstrapInterval apart = paired_bootstrap_of_mean({there, back}, 1)[0];
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
  const BootstrapInterval there = paired_bootstrap(trials, 1)[0];
  for (auto& trial : trials)
    for (PairedQuery& query : trial) query.difference[0] = -query.difference[0];
  EXPECT_EQ(paired_bootstrap(trials, 1)[0], (BootstrapInterval{-there.mean, -there.high, -there.low, there.p}));
}

TEST(Bootstrap, metrics_share_their_resamples) {
  Trials trials = made_up(2, 15, 2, 1, 2, 2, 6);
  const BootstrapInterval alone = paired_bootstrap(trials, 1)[0];
  for (auto& trial : trials)
    for (PairedQuery& query : trial) query.difference = {query.difference[0], query.difference[0]};
  EXPECT_THAT(paired_bootstrap(trials, 2), testing::ElementsAre(alone, alone));
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
