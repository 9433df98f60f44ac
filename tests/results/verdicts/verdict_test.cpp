#include "results/verdicts/verdict.h"

#include <gmock/gmock.h>

#include <cmath>

#include "core/random/random.h"

namespace resolute::results::verdict_test {
namespace {

using namespace testing;
using experiments::Better;

Difference between(double low, double high, int trials = kFewestTrials) {
  return {.to = "other", .mean = (low + high) / 2, .low = low, .high = high, .trials = trials};
}

Verdict judged(std::optional<double> before, std::optional<double> after, std::optional<Difference> difference,
               Better better = Better::kUp, int trials = kFewestTrials) {
  return judge(Step{before, after, std::move(difference), trials}, better);
}

TEST(Side, is_that_of_the_whole_interval) {
  EXPECT_EQ(side_of(between(0.1, 5)), Side::kAbove);
  EXPECT_EQ(side_of(between(-5, -0.1)), Side::kBelow);
  for (const Difference& level : {between(-1, 5), between(0, 5), between(-5, 0), between(0, 0)})
    EXPECT_EQ(side_of(level), Side::kUndecided);
}

TEST(Side, is_not_told_of_fewer_than_five_trials) {
  for (int trials = 0; trials < 5; ++trials) EXPECT_EQ(side_of(between(50, 60, trials)), Side::kNoVerdict) << trials;
  for (int trials : {5, 6, 10}) EXPECT_EQ(side_of(between(50, 60, trials)), Side::kAbove) << trials;
}

TEST(Step, has_each_of_the_verdicts) {
  EXPECT_EQ(judged(50, 60, between(5, 15)), Verdict::kHolds);
  EXPECT_EQ(judged(50, 60, between(-5, 25)), Verdict::kInTheMeans);
  EXPECT_EQ(judged(50, 60, std::nullopt), Verdict::kInTheMeans);
  EXPECT_EQ(judged(60, 50, between(-25, 5)), Verdict::kUndecided);
  EXPECT_EQ(judged(60, 50, std::nullopt), Verdict::kUndecided) << "means alone contradict nothing";
  EXPECT_EQ(judged(50, 50, between(0, 0)), Verdict::kUndecided);
  EXPECT_EQ(judged(60, 50, between(-15, -5)), Verdict::kContradicted);
  EXPECT_EQ(judged(std::nullopt, 50, std::nullopt), Verdict::kOpen);
  EXPECT_EQ(judged(50, std::nullopt, std::nullopt, Better::kUp, 0), Verdict::kOpen);
}

TEST(Step, of_few_trials_has_no_verdict_whatever_its_interval) {
  for (int trials = 1; trials < 5; ++trials) {
    EXPECT_EQ(judged(50, 60, between(5, 15, trials), Better::kUp, trials), Verdict::kNoVerdict);
    EXPECT_EQ(judged(60, 50, between(-15, -5, trials), Better::kUp, trials), Verdict::kNoVerdict);
  }
  // Five trials each, of which the two rows share three.
  EXPECT_EQ(judged(60, 50, between(-15, -5, 3)), Verdict::kUndecided);
}

TEST(Step, where_less_is_better_is_the_mirror_image) {
  for (const auto& [low, high] : {std::pair(5.0, 15.0), {-5.0, 15.0}, {-15.0, 5.0}, {-15.0, -5.0}, {0.0, 0.0}}) {
    const double mean = (low + high) / 2;
    EXPECT_EQ(judged(50, 50 + mean, between(low, high)), judged(50, 50 - mean, between(-high, -low), Better::kDown));
  }
  EXPECT_EQ(judged(90, 60, between(-35, -25), Better::kDown), Verdict::kHolds);
}

// Rows of unequal trials: the difference is of those that both have, the means are of all.
TEST(Step, whose_means_and_interval_disagree_is_settled_neither_way) {
  EXPECT_EQ(judged(50, 60, between(-15, -5)), Verdict::kInTheMeans);
  EXPECT_EQ(judged(60, 50, between(5, 15)), Verdict::kUndecided);
}

TEST(Order, has_the_word_of_its_weakest_step) {
  const std::vector<Verdict> weakest_last = {Verdict::kHolds,     Verdict::kInTheMeans, Verdict::kUndecided,
                                             Verdict::kNoVerdict, Verdict::kOpen,       Verdict::kContradicted};
  for (std::size_t a = 0; a < weakest_last.size(); ++a)
    for (std::size_t b = 0; b < weakest_last.size(); ++b)
      EXPECT_EQ(judge({weakest_last[a], Verdict::kHolds, weakest_last[b]}), weakest_last[std::max(a, b)]);
}

TEST(SomeRows, hold_where_one_does_and_are_contradicted_where_all_are) {
  using enum Verdict;
  const std::vector<Verdict> strongest_first = {kHolds, kOpen, kNoVerdict, kInTheMeans, kUndecided, kContradicted};
  for (std::size_t a = 0; a < strongest_first.size(); ++a)
    for (std::size_t b = 0; b < strongest_first.size(); ++b)
      EXPECT_EQ(judge_some({strongest_first[a], kContradicted, strongest_first[b]}), strongest_first[std::min(a, b)]);
}

TEST(SomeRows, hold_by_the_p_of_as_many_rows_as_are_tried) {
  const auto adjusted = [](const std::vector<double>& p) {
    std::vector<Verdict> rows(p.size(), Verdict::kHolds);
    std::vector<std::optional<Difference>> differences;
    for (const double one : p) differences.emplace_back(between(1, 5))->p = one;
    adjust_some(rows, differences);
    return rows;
  };
  EXPECT_THAT(adjusted({0.04}), ElementsAre(Verdict::kHolds));
  EXPECT_THAT(adjusted({0.04, 0.9}), ElementsAre(Verdict::kInTheMeans, Verdict::kInTheMeans));
  EXPECT_THAT(adjusted({0.04, 0.02}), ElementsAre(Verdict::kHolds, Verdict::kHolds));
  EXPECT_THAT(adjusted({0.01, 0.03, 0.02}), ElementsAre(Verdict::kHolds, Verdict::kHolds, Verdict::kHolds));
  EXPECT_THAT(adjusted({0.02, 0.03, 0.02}), Each(Verdict::kInTheMeans));
  std::vector<Verdict> unpaired{Verdict::kInTheMeans, Verdict::kContradicted};
  adjust_some(unpaired, {std::nullopt, between(-5, -1)});
  EXPECT_THAT(unpaired, ElementsAre(Verdict::kInTheMeans, Verdict::kContradicted)) << "what does not hold stays";
}

// Six rows, none truly better than the one that some are said to be above. Without the adjustment a fifth would hold.
TEST(SomeRows, of_which_none_is_better_hold_in_few_studies) {
  core::RandomStream random("some rows of which none is better", {});
  constexpr int kStudies = 4000;
  int found = 0, unadjusted = 0;
  for (int study = 0; study < kStudies; ++study) {
    std::vector<Verdict> rows;
    std::vector<std::optional<Difference>> differences;
    for (int row = 0; row < 6; ++row) {
      const double z = random.normal();
      differences.emplace_back(between(z - 1.96, z + 1.96))->p = std::erfc(std::abs(z) / std::sqrt(2.0));
      rows.push_back(judged(0, z, differences.back()));
    }
    unadjusted += judge_some(rows) == Verdict::kHolds;
    adjust_some(rows, differences);
    found += judge_some(rows) == Verdict::kHolds;
  }
  EXPECT_LE(found, kStudies * 4 / 100);
  EXPECT_GE(unadjusted, kStudies * 10 / 100);
}

TEST(Words, count_the_trials_of_a_step_without_verdict) {
  EXPECT_EQ(words(Verdict::kNoVerdict, 2), "2 trials: no verdict");
  EXPECT_EQ(words(Verdict::kNoVerdict, 1), "1 trial: no verdict");
  EXPECT_EQ(words(Verdict::kContradicted, 10), "contradicted");
}

TEST(Holm, is_what_can_be_counted_by_hand) {
  // Times 4, 3, 2, 1 from the smallest up, never below the one before, at most 1.
  EXPECT_THAT(holm({0.01, 0.04, 0.03, 0.005}),
              ElementsAre(DoubleEq(0.03), DoubleEq(0.06), DoubleEq(0.06), DoubleEq(0.02)));
  EXPECT_THAT(holm({0.02, 0.02, 0.02}), Each(DoubleEq(0.06)));
  EXPECT_THAT(holm({0.6, 0.7}), Each(1.0));
  EXPECT_THAT(holm({0.04}), ElementsAre(0.04));
  EXPECT_THAT(holm({}), IsEmpty());
}

// By its definition: an adjusted p is the least level at which Holm's procedure, from the smallest p up, rejects.
bool rejects(const std::vector<double>& p, std::size_t which, double level) {
  std::vector<double> left = p;
  for (;;) {
    const auto least = std::min_element(left.begin(), left.end());
    if (*least * static_cast<double>(left.size()) > level) return false;
    if (*least == p[which]) return true;
    left.erase(least);
  }
}

TEST(Holm, rejects_what_the_procedure_rejects_and_keeps_the_order) {
  core::RandomStream random("holm test", {});
  for (int set = 0; set < 50; ++set) {
    std::vector<double> p(1 + random.below(20));
    for (double& one : p) one = std::pow(random.uniform(), 4);
    const std::vector<double> adjusted = holm(p);
    for (std::size_t i = 0; i < p.size(); ++i) {
      EXPECT_GE(adjusted[i], p[i]);
      EXPECT_LE(adjusted[i], 1);
      for (std::size_t j = 0; j < p.size(); ++j) EXPECT_LE(p[i] <= p[j] ? adjusted[i] - adjusted[j] : 0, 0);
      if (adjusted[i] < 1) {
        EXPECT_TRUE(rejects(p, i, adjusted[i] * (1 + 1e-12)));
        EXPECT_FALSE(rejects(p, i, adjusted[i] * (1 - 1e-12)));
      }
    }
  }
}

TEST(Holm, survives_where_interval_and_adjusted_p_say_so_and_trials_are_enough) {
  Difference sure = between(5, 15);
  sure.p_holm = 0.04;
  EXPECT_TRUE(survives_holm(sure));
  Difference few = sure, level = sure, many = sure;
  few.trials = 4;
  level.low = -1;
  many.p_holm = 0.05;
  for (const Difference& one : {few, level, many}) EXPECT_FALSE(survives_holm(one));
}

// Four rows, each truly one point better than the last, in studies whose row means have a standard deviation of 0.9 and
// whose intervals are ± 1.96 of a difference's. A reversed mean alone, the rule of before, refuted most of them.
TEST(Order, that_is_true_is_contradicted_in_few_studies) {
  core::RandomStream random("order that is true", {});
  constexpr int kStudies = 4000;
  const double half = 1.96 * 0.9 * std::sqrt(2.0);
  int contradicted = 0, reversed = 0, held = 0;
  for (int study = 0; study < kStudies; ++study) {
    std::vector<Verdict> steps;
    bool any_reversed = false;
    double before = 0;
    for (int row = 0; row < 4; ++row) {
      const double mean = 50 + row + 0.9 * random.normal();
      if (row > 0) {
        steps.push_back(judged(before, mean, between(mean - before - half, mean - before + half)));
        any_reversed = any_reversed || mean <= before;
      }
      before = mean;
    }
    reversed += any_reversed ? 1 : 0;
    contradicted += judge(steps) == Verdict::kContradicted ? 1 : 0;
    held += judge(steps) == Verdict::kHolds ? 1 : 0;
  }
  EXPECT_NEAR(static_cast<double>(reversed) / kStudies, 0.59, 0.03);
  EXPECT_LE(static_cast<double>(contradicted) / kStudies, 0.05);
  EXPECT_LE(static_cast<double>(held) / kStudies, 0.05) << "nor does such a study show it";
}

}  // namespace
}  // namespace resolute::results::verdict_test
