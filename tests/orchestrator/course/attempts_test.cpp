#include "orchestrator/course/attempts.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/orchestrator/support/events.h"

namespace resolute::tests::attempts_test {
namespace {

using namespace orchestrator;
using namespace std::chrono_literals;

const JobIndex kJob{0}, kOther{1};
const core::MonotonicTime kBegin{1h};
using Jobs = std::vector<JobIndex>;

// Two attempts that were heard at kBegin.
Attempts two() {
  Attempts attempts;
  for (const JobIndex job : {kJob, kOther}) {
    attempts.begin(job, 2);
    attempts.at(job).heard = kBegin;
  }
  return attempts;
}

Jobs stalled(Attempts& attempts, core::MonotonicTime now) {
  return attempts.stall(now, 10s, [](JobIndex) { return true; });
}

AttemptEnded ended(JobIndex job, int attempt, const std::string& evidence) {
  return {job, attempt, Cause::kExitCode, evidence, true, {}, {}};
}

TEST(Attempts, finds_only_the_attempt_that_is_named) {
  Attempts attempts = two();
  EXPECT_EQ(attempts.find(kJob, 2), &attempts.at(kJob));
  EXPECT_EQ(attempts.find(kJob, 1), nullptr);
  attempts.forget(kJob);
  EXPECT_EQ(attempts.find(kJob, 2), nullptr);
  EXPECT_THROW(attempts.at(kJob), std::out_of_range);
  EXPECT_EQ(attempts.all().size(), 1U);
}

TEST(Attempts, begins_each_without_what_the_last_one_said) {
  Attempts attempts = two();
  attempts.at(kJob).line = "{}";
  attempts.begin(kJob, 3);
  EXPECT_EQ(attempts.at(kJob).number, 3);
  EXPECT_EQ(attempts.at(kJob).line, "");
}

TEST(Attempts, says_once_that_one_is_silent) {
  Attempts attempts = two();
  attempts.at(kOther).heard = kBegin + 5s;
  EXPECT_EQ(stalled(attempts, kBegin + 9999ms), Jobs());
  EXPECT_EQ(stalled(attempts, kBegin + 10s), Jobs{kJob});
  EXPECT_EQ(stalled(attempts, kBegin + 15s), Jobs{kOther});
  EXPECT_EQ(stalled(attempts, kBegin + 1h), Jobs());
}

TEST(Attempts, waits_for_those_that_would_say_nothing_and_for_those_that_could_not_be_heard) {
  Attempts attempts = two();
  EXPECT_EQ(attempts.stall(kBegin + 10s, 10s, [](JobIndex job) { return job == kOther; }), Jobs{kOther});
  attempts.forgive(1min);
  EXPECT_EQ(stalled(attempts, kBegin + 69s), Jobs());
  EXPECT_EQ(stalled(attempts, kBegin + 70s), Jobs{kJob});
}

TEST(Attempts, keeps_why_a_job_is_tried_again_until_it_has_ended) {
  State state = state_after({toy_run(), toy_job(0), toy_job(1)});
  Attempts attempts;
  attempts.retry(ended(kJob, 1, "first"), kBegin);
  attempts.retry(ended(kJob, 2, "second"), kBegin + 1s);
  attempts.retry(ended(kOther, 1, "other"), kBegin + 2s);
  auto retries = attempts.retries(state, kBegin + 5s);
  ASSERT_EQ(retries.size(), 2U);
  EXPECT_EQ(retries[0].evidence, "other") << "the newest comes first";
  EXPECT_EQ(retries[1].evidence, "second");
  EXPECT_EQ(retries[1].attempt, 2);
  EXPECT_EQ(retries[1].seconds, 4);
  orchestrator::apply(state, JobFailed{kOther, Cause::kUnplaceable, ""});
  retries = attempts.retries(state, kBegin + 5s);
  ASSERT_EQ(retries.size(), 1U);
  EXPECT_EQ(retries[0].job, toy_job(0).id);
}

}  // namespace
}  // namespace resolute::tests::attempts_test
