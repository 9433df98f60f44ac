#include "cli/suite/allocation_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/operations/support/sample_submissions.h"

namespace resolute::tests::allocation_text_test {
namespace {

using namespace cli;
using namespace slurm;
using namespace testing;

std::string line_of(const operations::AllocationView& view, Time now = kNoon + std::chrono::minutes(20)) {
  ::setenv("TZ", "UTC", 1);
  return allocation_lines({view}, {}, now).at(0);
}

TEST(AllocationText, a_running_allocation_shows_its_nodes_and_its_times) {
  auto job = queued(JobState::kRunning);
  job.node_list = "n[1-2]";
  job.begin = kNoon;
  job.end = kNoon + std::chrono::hours(2);
  auto submission = submitted();
  submission.batches[0].runs = {run(EndCause::kPreempted, "requeued"), run()};
  EXPECT_EQ(line_of(seen(submission, {{job}, {}})),
            "allocation 1, job 12, runs on n[1-2] since 20 min 00 s, until 14:00; 2 starts; last end: preempted: "
            "requeued");
}

TEST(AllocationText, a_waiting_allocation_says_why_and_when_it_is_to_begin) {
  auto job = queued(JobState::kPending, "Resources");
  job.begin = kNoon + std::chrono::hours(1);
  EXPECT_EQ(line_of(seen(submitted(), {{job}, {}})),
            "allocation 1, job 12, waits: it is next, the nodes that it needs are busy (Resources), begins about "
            "13:00");
  job.begin = kNoon + std::chrono::days(2);
  EXPECT_THAT(line_of(seen(submitted(), {{job}, {}})), HasSubstr("begins about Mon 02 Feb 12:00"));
}

TEST(AllocationText, many_entries_of_nodes_are_counted_and_a_compressed_list_stays_whole) {
  auto many = queued(JobState::kRunning);
  many.nodes = 13;
  many.node_list = "a1,b2,c3,n[10-19]";
  EXPECT_THAT(line_of(seen(submitted(), {{many}, {}})), HasSubstr("runs on a1 and 12 more"));
  auto job = queued(JobState::kRunning);
  job.node_list = "n[1,3,5,7,9-12]";
  EXPECT_THAT(line_of(seen(submitted(), {{job}, {}})), HasSubstr("runs on n[1,3,5,7,9-12]"));
}

TEST(AllocationText, json_has_every_field_and_null_for_what_is_not_known) {
  auto job = queued(JobState::kRunning);
  job.begin = kNoon;
  const auto json = allocations_json({seen(submitted(), {{job}, {}})});
  EXPECT_EQ(
      json.dump(),
      R"([{"advice":"","allocation":1,"batch":1,"begin":"2026-01-31T12:00:00Z","end":null,"exit_code":null,"job":12,)"
      R"("last_end":"","log":null,"log_end":null,"node_list":"","nodes":2,"reason":"","slurm_state":"RUNNING","starts":0,"state":"runs",)"
      R"("submission":"0123456789ab","wanted":""}])");
}

TEST(AllocationText, a_refusal_and_a_job_that_is_held_say_what_to_do) {
  auto submission = submitted();
  EXPECT_THAT(line_of(seen(submission, {{queued(JobState::kPending, "JobHeldUser")}, {}})),
              AllOf(HasSubstr("is held: you hold it"), HasSubstr("→ `resolute suite resume` releases it")));
  submission.batches[0].known.clear();
  submission.batches[0].last = Refused{"Invalid account"};
  EXPECT_THAT(line_of(seen(submission, {})), HasSubstr("was refused by SLURM: Invalid account"));
}

TEST(AllocationText, a_failed_job_is_told_with_its_exit_code_and_what_that_means) {
  auto submission = submitted();
  EXPECT_EQ(
      line_of(seen(submission, {{queued(JobState::kFailed)}, {}, {{{kName, 12}, {0, 53}}}})),
      "allocation 1, job 12, has ended (FAILED, exit code 0:53): its output file could not be opened on its node: "
      "the store is not there → put the store where the nodes see it under the same path, and submit again; "
      "`suite resume` alone would end the same way");
}

TEST(AllocationText, what_the_log_of_a_start_without_a_word_ends_with_is_quoted) {
  auto submission = submitted();
  submission.batches[0].runs = {run()};
  submission.batches[0].logs = {"12.log"};
  auto view = seen(submission, {});
  EXPECT_THAT(line_of(view), HasSubstr("log/12.log tells more; `resolute suite resume`"));
  EXPECT_TRUE(allocations_json({view})[0]["log_end"].is_null());
  view.log_end = "resolute: cannot load the module 'cuda/13'";
  EXPECT_THAT(line_of(view),
              HasSubstr("log/12.log ends with 'resolute: cannot load the module 'cuda/13''; `resolute suite resume`"));
  EXPECT_EQ(allocations_json({view})[0]["log_end"], view.log_end);
}

TEST(AllocationText, slurms_trouble_has_a_line_of_its_own_where_there_is_a_submission) {
  const operations::SlurmAnswer silent{{}, "Unable to contact slurm controller (connect failure)"};
  auto submission = submitted();
  submission.batches[0].runs = {run(EndCause::kPreempted, "requeued")};
  EXPECT_THAT(allocation_lines({seen(submission, silent)}, silent, kNoon),
              ElementsAre(AllOf(StartsWith("allocation 1, job 12, may wait, run or have ended"), Not(HasSubstr("→"))),
                          "SLURM does not say: Unable to contact slurm controller (connect failure)"));
  EXPECT_THAT(allocation_lines({}, {{}, "away"}, kNoon), IsEmpty());
}

}  // namespace
}  // namespace resolute::tests::allocation_text_test
