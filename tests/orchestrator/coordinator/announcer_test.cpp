#include "orchestrator/coordinator/announcer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/orchestrator/support/events.h"
#include "tests/support/manual_clock.h"

namespace resolute::tests::announcer_test {
namespace {

using namespace orchestrator;
using namespace std::chrono_literals;
using testing::HasSubstr;

class Announcers : public testing::Test {
 protected:
  static std::string log_of(const std::function<void()>& tell) {
    testing::internal::CaptureStderr();
    tell();
    return testing::internal::GetCapturedStderr();
  }

  State state_ = state_after({toy_run(), toy_job(0), toy_job(1)});
  tests::ManualClock clock_;
  Announcer announcer_{"toy", 2, clock_, false};
};

TEST_F(Announcers, counts_on_from_what_was_done_before) {
  announcer_.begin(1);
  EXPECT_THAT(log_of([&] { announcer_.tell(state_, JobSucceeded{{1}, 1}); }), HasSubstr("2/2 done: toy 1"));
}

TEST_F(Announcers, leaves_out_lines_of_jobs_that_went_well_where_it_is_quiet) {
  Announcer quiet("toy", 2, clock_, true);
  EXPECT_EQ(log_of([&] { quiet.tell(state_, JobSucceeded{{1}, 1}); }), "");
  EXPECT_THAT(log_of([&] {
                quiet.tell(state_, JobFailed{{0}, Cause::kUnplaceable, "no GPU"});
              }),
              HasSubstr("toy 0: cannot be run (no GPU)"));
}

TEST_F(Announcers, says_why_a_run_stops_whoever_decides_it) {
  for (const StopRequested& stop :
       {StopRequested{"the allocation ends in 40 s", Cause::kWalltime}, StopRequested{"signal 15", Cause::kInterrupted},
        StopRequested{"cancelled by somebody", Cause::kCancelled}})
    EXPECT_THAT(log_of([&] { announcer_.tell(state_, stop); }), HasSubstr(fmt::format("stopping: {}\n", stop.why)));
}

TEST_F(Announcers, shows_the_job_at_work_that_says_how_far_it_is) {
  const auto words = [&](const LiveStatus& live) { return Announcer::words_of(state_, live, 1, 4); };
  LiveStatus live;
  EXPECT_EQ(words(live), " (25 %)");
  live.seconds_left = 90;
  EXPECT_THAT(words(live), testing::StartsWith(" (25 %, "));
  live.seconds_left = -1;
  const auto attempt = [&](JobIndex number) {
    LiveAttempt one;
    one.job = job_of(state_, number).id;
    return one;
  };
  live.running = {attempt({0})};
  EXPECT_EQ(words(live), " (25 %): toy 0");
  live.running.push_back(attempt({1}));
  live.running.back().step = 40;
  EXPECT_EQ(words(live), " (25 %): step 40, toy 1 and 1 more");
  live.running.back().steps = 150;
  live.running.back().loss = 2.34512;
  EXPECT_EQ(words(live), " (25 %): step 40/150, loss 2.3451, toy 1 and 1 more");
  live.running.back().job.hex = "of another plan";
  EXPECT_EQ(words(live), " (25 %): step 40/150, loss 2.3451, and 1 more");
}

TEST_F(Announcers, says_whether_an_attempt_was_the_last) {
  AttemptEnded ended{{0}, 3, Cause::kExitCode, "exit code 1", true, {}, {}};
  EXPECT_THAT(log_of([&] { announcer_.tell(state_, ended); }),
              HasSubstr("toy 0: attempt 3 ended, to be run again (exit-code: exit code 1)"));
  ended.retry = false;
  EXPECT_THAT(log_of([&] { announcer_.tell(state_, ended); }), HasSubstr("toy 0: given up after attempt 3"));
}

TEST_F(Announcers, says_once_that_the_store_does_not_answer_and_once_that_it_does) {
  EXPECT_EQ(log_of([&] { announcer_.tell_of_stall(10s); }), "");
  EXPECT_THAT(log_of([&] { announcer_.tell_of_stall(11s); }), HasSubstr("has not answered for 10 s"));
  EXPECT_EQ(log_of([&] {
              announcer_.tell_of_stall(12s);
              announcer_.tell_of_stall(3s);
            }),
            "");
  EXPECT_THAT(log_of([&] { announcer_.tell_of_stall(2s); }), HasSubstr("the store answers again"));
  EXPECT_EQ(log_of([&] { announcer_.tell_of_stall(0s); }), "");
}

}  // namespace
}  // namespace resolute::tests::announcer_test
