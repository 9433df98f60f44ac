//! When who serves a page looks at the store again.

#include "cli/results/store_reader.h"

#include <gtest/gtest.h>

namespace resolute::cli::store_reader_test {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kInterval{2000};

TEST(PauseBetweenLooks, a_killed_run_of_another_machine_shows_within_half_a_minute) {
  // The first look just misses the end of the silence, the second sees it and shows it at its own end.
  for (milliseconds look{0}; look <= kLongestLook; look += milliseconds(10))
    EXPECT_LE(report::kReportSilence + look + pause_between_looks(look, kInterval) + look, milliseconds(30'000))
        << look.count();
}

TEST(PauseBetweenLooks, looks_take_a_tenth_of_the_time_and_where_that_were_too_late_a_quarter) {
  for (milliseconds look{0}; look <= milliseconds(800); look += milliseconds(10))
    EXPECT_GE(pause_between_looks(look, kInterval), 10 * look);
  for (milliseconds look{810}; look <= kLongestLook; look += milliseconds(10))
    EXPECT_GE(pause_between_looks(look, kInterval), 3 * look);
  EXPECT_EQ(pause_between_looks(milliseconds(2001), kInterval), milliseconds(20'010)) << "late in any case";
}

TEST(PauseBetweenLooks, is_no_shorter_than_asked_for) {
  EXPECT_EQ(pause_between_looks(milliseconds(1), kInterval), kInterval);
  EXPECT_EQ(pause_between_looks(milliseconds(1500), milliseconds(60'000)), milliseconds(60'000));
}

}  // namespace
}  // namespace resolute::cli::store_reader_test
