#include "core/side_by_side.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <vector>

#include "core/error.h"

namespace resolute::core::side_by_side_test {
namespace {

TEST(SideBySideTest, does_each_piece_once) {
  for (const std::size_t at_once : {1U, 4U, 1000U}) {
    std::vector<std::atomic<int>> done(100);
    side_by_side(done.size(), at_once, [&](std::size_t i) { ++done[i]; });
    for (const auto& times : done) EXPECT_EQ(times, 1);
  }
  side_by_side(0, 4, [](std::size_t) { FAIL(); });
}

// Each waits for the other.
TEST(SideBySideTest, pieces_are_under_way_together) {
  std::latch both(2);
  side_by_side(2, 2, [&](std::size_t) { both.arrive_and_wait(); });
}

TEST(SideBySideTest, after_a_failure_no_other_begins) {
  std::atomic<int> begun = 0;
  EXPECT_THROW(side_by_side(1000, 4,
                            [&](std::size_t) {
                              ++begun;
                              throw input_error("no");
                            }),
               RuntimeError);
  EXPECT_LE(begun, 4);
}

}  // namespace
}  // namespace resolute::core::side_by_side_test
