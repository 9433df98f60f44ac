#include "results/records/recovery.h"

#include <gtest/gtest.h>

namespace resolute::results::recovery_test {
namespace {

TEST(Recovery, metrics_are_of_rates_above_1_at_scale_1) {
  const std::vector<ImageRecoveryQuality> lines{{"a.jpg", 1, 2, 1, 3, {21.5F, 0.1F}, {1.0F / 3, -1}},
                                                {"a.jpg", 1, 2, 1, 1, {0, 1}, {98.05F, 0}},
                                                {"a.jpg", 1, 2, 4, 1, {25.25F, 0.75F}, {23, 0.5F}},
                                                {"b.jpg", -1, -1, 4, 1, {26.25F, 0.25F}, {25, 0.75F}}};
  const auto means = mean_recovery(lines);
  ASSERT_EQ(means.size(), 3U);
  EXPECT_EQ(means.at({4, 1}).images, 2U);
  EXPECT_EQ(means.at({1, 3}).recovered_psnr, 21.5);
  const std::map<std::string, double> expected{{"recovered_psnr_4", 25.75},
                                               {"enlarged_psnr_4", 24},
                                               {"psnr_gain_4", 1.75},
                                               {"recovered_ssim_4", 0.5},
                                               {"enlarged_ssim_4", 0.625}};
  EXPECT_EQ(recovery_metrics(lines), expected);
  EXPECT_TRUE(recovery_metrics({}).empty());
}

}  // namespace
}  // namespace resolute::results::recovery_test
