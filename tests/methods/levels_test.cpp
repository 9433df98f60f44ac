//! Levels of images and stages of masks, by tables worked out by hand.
#include "methods/levels.h"

#include <gtest/gtest.h>

#include <limits>

#include "methods/resolution_adaptive/options.h"

namespace resolute::methods::levels_test {
namespace {

using Rates = std::vector<int>;

// Borders between neighbouring rates a > b are √(ab); on a border the lower level.
TEST(Levels, of_a_rate_are_those_of_the_nearest_by_ratio) {
  struct Line {
    Rates level_rates;
    std::vector<std::pair<int, int>> rate_and_level;
  };
  for (const Line& line :
       {Line{{2, 1}, {{1, 2}, {2, 1}, {3, 1}, {8, 1}, {16, 1}}}, Line{{3, 1}, {{1, 2}, {2, 1}, {3, 1}}},
        Line{{4, 1}, {{1, 2}, {2, 1}, {3, 1}, {8, 1}, {16, 1}}},                  // border 2
        Line{{16, 1}, {{1, 2}, {3, 2}, {4, 1}, {8, 1}, {16, 1}}},                 // border 4
        Line{{9, 4, 1}, {{1, 3}, {2, 2}, {5, 2}, {6, 1}, {8, 1}, {16, 1}}},       // 6 and 2
        Line{{8, 2, 1}, {{1, 3}, {2, 2}, {3, 2}, {4, 1}, {8, 1}, {16, 1}}},       // 4 and 1.41
        Line{{16, 8, 1}, {{1, 3}, {2, 3}, {3, 2}, {8, 2}, {11, 2}, {12, 1}}},     // 11.3 and 2.8
        Line{{4, 3, 2, 1}, {{1, 4}, {2, 3}, {3, 2}, {4, 1}, {8, 1}, {16, 1}}},    // √12, √6, √2
        Line{{16, 8, 4, 1}, {{1, 4}, {2, 3}, {5, 3}, {6, 2}, {8, 2}, {16, 1}}}})  // √128, √32, 2
    for (const auto& [rate, level] : line.rate_and_level)
      EXPECT_EQ(level, level_of_rate(line.level_rates, rate))
          << testing::PrintToString(line.level_rates) << " " << rate;
}

TEST(Levels, of_an_area_change_at_the_products_of_neighbouring_rates) {
  struct Line {
    Rates level_rates;
    std::int64_t full_area, area;
    int level;
  };
  constexpr std::int64_t kImage = 128 * 64, kLargest = std::int64_t{16'384} * 16'384;
  for (const Line& line : {Line{{4, 1}, kImage, 2049, 2},
                           Line{{4, 1}, kImage, 2048, 1},
                           Line{{4, 1}, kImage, 1, 1},
                           Line{{9, 4, 1}, 144, 37, 3},
                           Line{{9, 4, 1}, 144, 36, 2},
                           Line{{9, 4, 1}, 144, 5, 2},
                           Line{{9, 4, 1}, 144, 4, 1},
                           Line{{9, 4, 1}, 144, 144, 3},
                           Line{{9, 4, 1}, 144, 145, 3},
                           Line{{4, 3, 2, 1}, kImage, 4097, 4},
                           Line{{4, 3, 2, 1}, kImage, 4096, 3},
                           Line{{4, 3, 2, 1}, kImage, 1366, 3},
                           Line{{4, 3, 2, 1}, kImage, 1365, 2},
                           Line{{4, 3, 2, 1}, kImage, 683, 2},
                           Line{{4, 3, 2, 1}, kImage, 682, 1},
                           Line{{4, 3, 2, 1}, kImage, 10 * kImage, 4},
                           Line{{16, 15, 1}, kLargest, kLargest, 3},
                           Line{{16, 15, 1}, kLargest, 1, 1},
                           Line{{16, 15, 1}, 1, kLargest, 3},
                           Line{{16, 15, 1}, kLargest, kLargest / 15 + 1, 3},
                           Line{{16, 15, 1}, kLargest, kLargest / 15, 2}})
    EXPECT_EQ(line.level, level_of_area(line.level_rates, line.full_area, line.area))
        << testing::PrintToString(line.level_rates) << " " << line.full_area << " " << line.area;
}

TEST(Levels, stages_are_as_long_as_asked_or_all_alike) {
  for (const auto& [masks, steps, length] : {std::tuple{16, 170, 10}, std::tuple{16, 169, 9}, std::tuple{16, 17, 1},
                                             std::tuple{16, 16, 0}, std::tuple{4, 10, 2}, std::tuple{4, 4, 0}}) {
    EXPECT_EQ(length, stage_steps({}, masks, steps)) << masks << " " << steps;
    EXPECT_EQ(7, stage_steps({.stage_steps = 7}, masks, steps));
  }
}

TEST(Levels, a_step_stands_in_the_stage_of_its_mask_and_the_last_has_no_end) {
  const std::vector<std::pair<int, std::uint64_t>> of_two{{0, 0}, {0, 1}, {0, 2}, {1, 0}, {1, 1},
                                                          {1, 2}, {2, 0}, {2, 1}, {2, 2}, {2, 3}};
  for (std::size_t step = 0; step < of_two.size(); ++step)
    EXPECT_EQ((MaskStage{of_two[step].first, of_two[step].second}), mask_stage(step, 2, 3)) << step;
  const std::vector<std::pair<int, std::uint64_t>> of_four{{0, 0}, {1, 0}, {2, 0}, {3, 0}, {4, 0}, {4, 1}, {4, 2}};
  for (std::size_t step = 0; step < of_four.size(); ++step)
    EXPECT_EQ((MaskStage{of_four[step].first, of_four[step].second}), mask_stage(step, 4, 1)) << step;
  constexpr int kLongest = std::numeric_limits<int>::max();
  EXPECT_EQ((MaskStage{0, kLongest - 1}), mask_stage(kLongest - 1, 16, kLongest));
  EXPECT_EQ((MaskStage{1, 0}), mask_stage(kLongest, 16, kLongest));
}

}  // namespace
}  // namespace resolute::methods::levels_test
