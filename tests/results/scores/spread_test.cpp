#include "results/scores/spread.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "core/random/random.h"

namespace resolute::results::spread_test {
namespace {

using testing::ElementsAre;

Spread spread(std::vector<double> values) { return spread_of(values); }

TEST(Spread, percentiles_stand_at_places_of_sorted_values) {
  std::vector<double> values(101);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>((i * 37) % 101);
  EXPECT_THAT(spread(values).percentiles, ElementsAre(5, 25, 50, 75, 95));
  EXPECT_EQ(50, spread(values).mean);
}

TEST(Spread, between_two_places_they_are_interpolated) {
  EXPECT_THAT(spread({30, 10, 20}).percentiles, ElementsAre(11, 15, 20, 25, 29));
  EXPECT_EQ(20, spread({30, 10, 20}).mean);
  EXPECT_THAT(spread({7}).percentiles, ElementsAre(7, 7, 7, 7, 7));
  EXPECT_EQ(Spread(), spread({}));
}

TEST(Spread, never_falls_and_stays_within_its_values_whatever_they_are) {
  core::RandomStream random("spread", {});
  for (int round = 0; round < 2000; ++round) {
    std::vector<double> values(static_cast<std::size_t>(random.below(40)) + 1);
    // Neighbours within a few units of the last place, where interpolation rounds most.
    for (double& value : values) value = 0.1 + 0x1p-56 * static_cast<double>(random.below(16));
    const Spread found = spread(values);
    EXPECT_TRUE(std::is_sorted(found.percentiles.begin(), found.percentiles.end()));
    EXPECT_LE(*std::min_element(values.begin(), values.end()), found.percentiles.front());
    EXPECT_GE(*std::max_element(values.begin(), values.end()), found.percentiles.back());
  }
}

TEST(Spread, order_changes_no_percentile) {
  core::RandomStream random("spread order", {});
  std::vector<double> values(500);
  for (double& value : values) value = random.normal();
  const auto first = spread(values).percentiles;
  std::sort(values.begin(), values.end());
  EXPECT_EQ(first, spread(values).percentiles);
  std::reverse(values.begin(), values.end());
  EXPECT_EQ(first, spread(values).percentiles);
}

}  // namespace
}  // namespace resolute::results::spread_test
