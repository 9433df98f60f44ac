#include "orchestrator/course/forecast.h"

#include <gtest/gtest.h>

#include "tests/orchestrator/support/events.h"
#include "tests/orchestrator/support/toy_suite.h"

namespace resolute::tests::forecast_test {
namespace {

using namespace orchestrator;
using namespace std::chrono_literals;

const core::MonotonicTime kBegin{1h};

// Trainings of one class, of 1000, 1001 and 1002 steps. The third needs the second.
class Forecasts : public testing::Test {
 protected:
  Forecasts() : jobs_(plan_.jobs), forecast_({}, jobs_) {
    for (int number = 0; number < 3; ++number) jobs_.add({number});
    forecast_.expect(plan_);
    attempt_.launched = kBegin;
    job_.steps = 1000;
  }
  // A second for each step.
  void learn() { forecast_.learn({0}, job_, attempt_, kBegin + 1000s - 1s * attempt_.first_step); }
  static State state_with(int slots) {
    return state_after({toy_run(), toy_job(0), toy_job(1), toy_job(2, 1, {1}), toy_agent(0, "a", slots)});
  }

  experiments::Plan plan_ = toy_plan(3, 1);
  PlannedJobs jobs_;
  Forecast forecast_;
  AttemptAtWork attempt_;
  Job job_;
};

TEST_F(Forecasts, takes_the_work_on_all_slots_or_the_longest_chain) {
  EXPECT_EQ(forecast_.seconds_left(state_with(1), {}), -1) << "nothing is known of them";
  learn();
  EXPECT_NEAR(forecast_.seconds_left(state_with(1), {}), 3003, 0.01);
  EXPECT_NEAR(forecast_.seconds_left(state_with(2), {}), 2003, 0.01) << "the second and then the third";
  EXPECT_NEAR(forecast_.seconds_left(state_with(1), {{{0}, 10}}), 2013, 0.01);
  EXPECT_EQ(forecast_.seconds_left(state_with(1), {{{0}, -1}}), -1);
}

TEST_F(Forecasts, knows_no_end_without_a_place) {
  learn();
  const State state = state_after({toy_run(), toy_job(0), toy_job(1), toy_job(2, 1, {1})});
  EXPECT_EQ(forecast_.seconds_left(state, {}), -1);
}

TEST_F(Forecasts, leaves_out_jobs_that_have_ended) {
  learn();
  State state = state_with(1);
  orchestrator::apply(state, JobFailed{{0}, Cause::kUnplaceable, ""});
  EXPECT_NEAR(forecast_.seconds_left(state, {}), 2003, 0.01);
}

TEST_F(Forecasts, takes_an_attempt_by_its_own_speed_before_that_of_its_like) {
  LiveAttempt live;
  live.seconds = 50;
  attempt_.first_step = 500;
  EXPECT_EQ(forecast_.seconds_left_of({0}, job_, attempt_, live), -1);
  learn();
  EXPECT_NEAR(forecast_.seconds_left_of({0}, job_, attempt_, live), 450, 0.01);
  live.steps = 1000;
  live.step = 600;
  EXPECT_NEAR(forecast_.seconds_left_of({0}, job_, attempt_, live), 200, 0.01);
  live.step = 500;
  EXPECT_NEAR(forecast_.seconds_left_of({0}, job_, attempt_, live), 450, 0.01) << "it has done no step of its own";
}

TEST_F(Forecasts, hands_out_once_what_an_attempt_took) {
  attempt_.first_step = 400;
  attempt_.first_checkpoint = kBegin + 60s;
  attempt_.peak_mib = 700;
  attempt_.cpu_ms = 300'000;
  learn();
  const auto learned = forecast_.take_learned();
  ASSERT_EQ(learned.size(), 1U);
  EXPECT_EQ(learned[0].work, 600);
  EXPECT_EQ(learned[0].milliseconds, 600'000);
  EXPECT_EQ(learned[0].checkpoint_ms, 60'000);
  EXPECT_EQ(learned[0].peak_mib, 700);
  EXPECT_EQ(learned[0].processors, 0.5);
  EXPECT_TRUE(forecast_.take_learned().empty());
}

}  // namespace
}  // namespace resolute::tests::forecast_test
