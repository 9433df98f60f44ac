#include "core/progress.h"

#include <gtest/gtest.h>

namespace resolute::core::progress_test {
namespace {

using std::chrono::seconds;

TEST(Progress, tells_share_rate_and_time_left) {
  EXPECT_EQ("packing 50/200 (25 %, 5/s, 30 s left)", Progress::line("packing", 50, 200, seconds(10)));
  EXPECT_EQ("packing 0/200", Progress::line("packing", 0, 200, seconds(10)));
  EXPECT_EQ("reading 50 (5/s)", Progress::line("reading", 50, 0, seconds(10)));
}

TEST(Progress, work_that_goes_on_estimates_from_what_was_done_since) {
  EXPECT_EQ("training 60/100 (60 %, 1/s, 40 s left)", Progress::line("training", 60, 100, seconds(10), 50));
  EXPECT_EQ("training 50/100", Progress::line("training", 50, 100, seconds(10), 50));
}

TEST(Progress, shows_the_speed_that_it_is_given) {
  EXPECT_EQ("training 60/100 (60 %, 210 images/s, 7 s left)",
            Progress::line("training", 60, 100, seconds(10), 0, "210 images/s"));
}

TEST(Progress, more_than_was_announced_leaves_nothing) {
  EXPECT_EQ("reading 12/10 (120 %, 1/s, 0 s left)", Progress::line("reading", 12, 10, seconds(12)));
}

}  // namespace
}  // namespace resolute::core::progress_test
