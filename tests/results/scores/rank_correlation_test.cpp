//! Spearman's rho by hand, by scipy and by brute force; its interval by a bootstrap written apart.

#include "results/scores/rank_correlation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include "core/error.h"
#include "core/files/file_system.h"
#include "core/files/json.h"
#include "core/random/random.h"
#include "tests/support/equal.h"
#include "tests/support/folders.h"
#include "tests/support/refusal.h"

namespace resolute::results::rank_correlation_test {
namespace {

using Numbers = std::vector<double>;
using Groups = std::vector<std::int64_t>;

// rho alone: of one group there is nothing to draw.
double rank_correlation(const Numbers& x, const Numbers& y) {
  return rank_correlation_interval(x, y, Groups(x.size(), 0)).rho;
}

TEST(RankCorrelation, equals_numbers_worked_by_hand) {
  EXPECT_EQ(rank_correlation(Numbers{1, 2, 3}, Numbers{-5, 0, 1e9}), 1);
  EXPECT_EQ(rank_correlation(Numbers{1, 2, 3, 4}, Numbers{8, 4, 2, 1}), -1);
  // 1 − 6 Σ d² / (n (n² − 1)) = 1 − 6·(1 + 1 + 0 + 1 + 1) / (5·24).
  EXPECT_DOUBLE_EQ(rank_correlation(Numbers{1, 2, 3, 4, 5}, Numbers{20, 10, 30, 50, 40}), 0.8);
  // Ranks 1.5, 1.5, 3, 4 and 1, 2, 3, 4: Σ xy = 4.5, Σ x² = 4.5, Σ y² = 5 of the deviations.
  EXPECT_DOUBLE_EQ(rank_correlation(Numbers{7, 7, 8, 9}, Numbers{1, 2, 3, 4}), 4.5 / std::sqrt(4.5 * 5));
}

TEST(RankCorrelation, a_constant_side_or_too_few_pairs_have_none) {
  EXPECT_EQ(rank_correlation(Numbers{3, 3, 3}, Numbers{1, 2, 3}), 0);
  EXPECT_EQ(rank_correlation(Numbers{1, 2, 3}, Numbers{0.0, -0.0, 0.0}), 0);
  EXPECT_EQ(rank_correlation(Numbers{1}, Numbers{1}), 0);
  EXPECT_EQ(rank_correlation({}, {}), 0);
  EXPECT_EQ(rank_correlation_interval({}, {}, {}), RankCorrelation());
  EXPECT_EQ(rank_correlation_interval(Numbers{1, 2}, Numbers{5, 5}, Groups{1, 2}), RankCorrelation());
}

TEST(RankCorrelation, equals_scipys) {
  const core::Json golden =
      core::parse_json(core::read_text(core::real_file_system(),
                                       tests::source_folder() / "tests/golden/rank_correlation/rank_correlation.json"),
                       "golden");
  ASSERT_EQ(golden.at("cases").size(), 60U);
  for (const core::Json& example : golden.at("cases"))
    EXPECT_NEAR(rank_correlation(example.at("x").get<Numbers>(), example.at("y").get<Numbers>()),
                example.at("rho").get<double>(), 1e-14);
}

struct Pairs {
  Numbers x, y;
  Groups groups;
};

//! As weights follow rates: each group has a level of its own and a pair at each of a few rates.
Pairs make_pairs(std::uint64_t seed, std::size_t groups, double slope) {
  core::RandomStream random("rank-correlation-test", {seed});
  Pairs pairs;
  for (std::size_t g = 0; g < groups; ++g) {
    const double level = random.normal();
    const std::size_t images = 1 + random.below(3);
    for (std::size_t image = 0; image < images; ++image)
      for (int rate = 1; rate <= 4; ++rate) {
        pairs.x.push_back(rate);
        pairs.y.push_back(std::round(10 * (level + slope * rate + random.normal())));
        pairs.groups.push_back(static_cast<std::int64_t>(g * 17 % 101) - 1);
      }
  }
  return pairs;
}

//! Each rank from the number of smaller and of equal ones, then Pearson's correlation of the ranks.
double plain_rank_correlation(const Numbers& x, const Numbers& y) {
  const auto ranks = [](const Numbers& values) {
    Numbers to;
    for (double value : values) {
      double smaller = 0, equal = 0;
      for (double other : values) {
        smaller += other < value;
        equal += other == value;
      }
      to.push_back(smaller + (equal + 1) / 2);
    }
    return to;
  };
  const Numbers a = ranks(x), b = ranks(y);
  const double mean = (static_cast<double>(a.size()) + 1) / 2;
  double aa = 0, bb = 0, ab = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    aa += (a[i] - mean) * (a[i] - mean);
    bb += (b[i] - mean) * (b[i] - mean);
    ab += (a[i] - mean) * (b[i] - mean);
  }
  return aa == 0 || bb == 0 ? 0 : ab / std::sqrt(aa * bb);
}

TEST(RankCorrelation, its_interval_equals_a_bootstrap_that_copies_the_drawn_groups) {
  const Pairs pairs = make_pairs(1, 9, 0.3);
  std::map<std::int64_t, std::vector<std::size_t>> members;
  for (std::size_t i = 0; i < pairs.groups.size(); ++i) members[pairs.groups[i]].push_back(i);
  std::vector<std::vector<std::size_t>> groups;
  for (const auto& [group, indices] : members) groups.push_back(indices);
  core::RandomStream random("bootstrap of a rank correlation over groups", {});
  Numbers resampled;
  for (std::size_t b = 0; b < kCorrelationResamples; ++b) {
    Numbers x, y;
    for (std::size_t draw = 0; draw < groups.size(); ++draw)
      for (std::size_t i : groups[random.below(groups.size())]) {
        x.push_back(pairs.x[i]);
        y.push_back(pairs.y[i]);
      }
    resampled.push_back(plain_rank_correlation(x, y));
  }
  std::sort(resampled.begin(), resampled.end());
  const RankCorrelation found = rank_correlation_interval(pairs.x, pairs.y, pairs.groups);
  EXPECT_NEAR(found.rho, plain_rank_correlation(pairs.x, pairs.y), 1e-14);
  EXPECT_NEAR(found.low, resampled[49], 1e-14);
  EXPECT_NEAR(found.high, resampled[kCorrelationResamples - 50], 1e-14);
  EXPECT_LT(found.low, found.rho);
  EXPECT_LT(found.rho, found.high);
}

TEST(RankCorrelation, the_order_of_the_pairs_changes_no_bit) {
  const Pairs pairs = make_pairs(2, 12, -0.2);
  const RankCorrelation first = rank_correlation_interval(pairs.x, pairs.y, pairs.groups);
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    Pairs moved;
    for (std::size_t i : core::RandomStream("order", {seed}).permutation(pairs.x.size())) {
      moved.x.push_back(pairs.x[i]);
      moved.y.push_back(pairs.y[i]);
      moved.groups.push_back(pairs.groups[i]);
    }
    EXPECT_EQ(rank_correlation_interval(moved.x, moved.y, moved.groups), first);
  }
}

TEST(RankCorrelation, its_interval_covers_no_correlation_about_as_often_as_it_says) {
  int covered = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const Pairs pairs = make_pairs(seed, 30, 0);
    const RankCorrelation found = rank_correlation_interval(pairs.x, pairs.y, pairs.groups);
    covered += found.low <= 0 && 0 <= found.high;
  }
  EXPECT_GE(covered, 178);  // 190 are expected, and 9.2 are three standard deviations
  EXPECT_LE(covered, 199);
}

// Copies of a person's pairs say nothing new: over single pairs the interval would shrink by √50.
TEST(RankCorrelation, more_pairs_of_the_same_groups_do_not_make_the_interval_shorter) {
  const Pairs once = make_pairs(4, 15, 0.2);
  Pairs often;
  for (int copy = 0; copy < 50; ++copy) {
    often.x.insert(often.x.end(), once.x.begin(), once.x.end());
    often.y.insert(often.y.end(), once.y.begin(), once.y.end());
    often.groups.insert(often.groups.end(), once.groups.begin(), once.groups.end());
  }
  const RankCorrelation of_once = rank_correlation_interval(once.x, once.y, once.groups);
  const RankCorrelation of_often = rank_correlation_interval(often.x, often.y, often.groups);
  EXPECT_NEAR(of_once.low, of_often.low, 1e-14);
  EXPECT_NEAR(of_once.high, of_often.high, 1e-14);
}

TEST(RankCorrelation, one_group_has_no_spread) {
  const Pairs pairs = make_pairs(5, 1, 1);
  const RankCorrelation found = rank_correlation_interval(pairs.x, pairs.y, pairs.groups);
  EXPECT_EQ(found.low, found.rho);
  EXPECT_EQ(found.high, found.rho);
}

TEST(RankCorrelation, bad_input_is_refused) {
  const auto refused = [](const Numbers& x, const Numbers& y, const Groups& groups) {
    return !tests::refusal([&] { rank_correlation_interval(x, y, groups); }).empty();
  };
  EXPECT_FALSE(refused({1, 2}, {1, 2}, {1, 2}));
  EXPECT_TRUE(refused({1, 2}, {1, 2, 3}, {1, 2}));
  EXPECT_TRUE(refused({1, 2}, {1, 2}, {1, 2, 3}));
  for (double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    EXPECT_TRUE(refused({1, bad}, {1, 2}, {1, 2}));
    EXPECT_TRUE(refused({1, 2}, {bad, 2}, {1, 2}));
  }
  const Numbers many(kMostRanked + 1, 1);
  EXPECT_THROW(rank_correlation(many, many), core::RuntimeError);
}

TEST(RankCorrelation, sums_of_many_pairs_are_exact) {
  Numbers x, y;
  for (std::size_t i = 0; i < kMostRanked; ++i) {
    x.push_back(static_cast<double>(i));
    y.push_back(static_cast<double>(i * i));
  }
  EXPECT_EQ(rank_correlation(x, y), 1);
  std::swap(y.front(), y.back());
  const double n = static_cast<double>(kMostRanked), moved = n - 1;
  EXPECT_NEAR(rank_correlation(x, y), 1 - 12 * moved * moved / (n * (n * n - 1)), 1e-15);
}

}  // namespace
}  // namespace resolute::results::rank_correlation_test
