#include "core/process/side_by_side.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "core/error.h"
#include "tests/support/refusal.h"

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

TEST(SideBySideTest, of_several_failures_the_lowest_is_thrown) {
  for (const std::size_t at_once : {2U, 4U, 16U}) {
    std::atomic<bool> later_failed = false;
    const auto piece = [&](std::size_t i) {
      if (i != 3 && i != 5) return;
      // The lower one fails after the higher one has.
      if (i == 3) later_failed.wait(false);
      later_failed = true;
      later_failed.notify_all();
      throw input_error("piece " + std::to_string(i));
    };
    EXPECT_EQ("piece 3", tests::refusal([&] { side_by_side(64, at_once, piece); }));
  }
}

// Few are read one after the other; of many those of a turn wait for each other.
TEST(ReadAheadTest, takes_each_piece_once_in_order_in_the_callers_thread) {
  const auto caller = std::this_thread::get_id();
  for (const std::size_t count : {0U, 3U, 97U}) {
    std::vector<std::size_t> taken;
    read_ahead(
        count, [](std::size_t i) { return std::to_string(i); },
        [&](std::size_t i, const std::string& text) {
          EXPECT_EQ(std::to_string(i), text);
          EXPECT_EQ(caller, std::this_thread::get_id());
          taken.push_back(i);
        });
    std::vector<std::size_t> all(count);
    std::iota(all.begin(), all.end(), 0U);
    EXPECT_EQ(all, taken);
  }
  const std::size_t count = 3 * calls_at_once(1000);
  std::latch turn(static_cast<std::ptrdiff_t>(calls_at_once(1000)));
  read_ahead(
      count,
      [&](std::size_t i) {
        if (i < calls_at_once(1000)) turn.arrive_and_wait();
        return i;
      },
      [](std::size_t, std::size_t) {});
}

TEST(ReadAheadTest, of_several_failures_the_lowest_is_thrown_and_what_stands_after_it_is_not_taken) {
  for (const std::size_t broken : {0U, 40U, 96U}) {
    std::size_t taken = 0;
    const auto read = [&](std::size_t i) {
      if (i >= broken) throw input_error("piece " + std::to_string(i));
      return i;
    };
    EXPECT_EQ(fmt::format("piece {}", broken),
              tests::refusal([&] { read_ahead(97, read, [&](std::size_t, std::size_t) { ++taken; }); }));
    EXPECT_LE(taken, broken);
  }
}

}  // namespace
}  // namespace resolute::core::side_by_side_test
