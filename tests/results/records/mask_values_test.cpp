#include "results/records/mask_values.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/support/equal.h"

namespace resolute::results::mask_values_test {
namespace {

TEST(MaskValues, spreads_are_of_channels_and_the_metric_is_of_levels) {
  const std::vector<float> low{0.5F, 1, 0}, high{0.5F, 0, 1}, one{0.25F}, other{0.75F};
  const std::vector<BlockMask> masks{{"a", {low, high}}, {"b", {one, other}}};
  const std::vector<MaskSpread> lines = mask_spreads(masks);
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[0], (MaskSpread{"a", 1, 3, {{0.05, 0.25, 0.5, 0.75, 0.95}, 0.5}, 2.0 / 3}));
  EXPECT_EQ(lines[1].difference, 0);
  EXPECT_EQ(lines[2], (MaskSpread{"b", 1, 1, {{0.25, 0.25, 0.25, 0.25, 0.25}, 0.25}, 0.5}));
  // Deviations 0, 0.5, 0.5 and 0.25.
  EXPECT_EQ(mask_metrics(masks), (std::map<std::string, double>{{"mask_spread", 1.25 / 4}}));
  EXPECT_TRUE(mask_metrics({}).empty());
  // Equal levels are no spread at all, however their sum rounds.
  const std::vector<float> third{1.0F / 3, 0.1F, 0.7F};
  const std::vector<BlockMask> equal{{"a", {third, third, third}}};
  EXPECT_EQ(mask_metrics(equal).at("mask_spread"), 0);
}

}  // namespace
}  // namespace resolute::results::mask_values_test
