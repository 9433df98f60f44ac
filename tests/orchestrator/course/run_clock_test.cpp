#include "orchestrator/course/run_clock.h"

#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"

namespace resolute::tests::run_clock_test {
namespace {

using namespace orchestrator;
using namespace std::chrono_literals;

TEST(RunClock, counts_on_from_the_runs_begin_by_the_monotonic_clock) {
  tests::ManualClock machine;
  machine.advance(5h);
  const RunClock clock(machine, Instant(100s));
  EXPECT_EQ(clock.instant(), Instant(100s));
  machine.advance(1500ms);
  EXPECT_EQ(clock.since_begin(), 1500ms);
  EXPECT_EQ(clock.instant(), Instant(101'500ms));
  EXPECT_EQ(clock.now(), machine.now());
}

}  // namespace
}  // namespace resolute::tests::run_clock_test
