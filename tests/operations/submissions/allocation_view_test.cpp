#include "operations/submissions/allocation_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/operations/support/sample_submissions.h"

namespace resolute::tests::allocation_view_test {
namespace {

using namespace operations;
using namespace slurm;
using namespace testing;
using Shown = AllocationView::State;

TEST(AllocationViews, every_state_of_slurms_is_one_of_ours) {
  const std::map<JobState, Shown> expected = {
      {JobState::kPending, Shown::kWaits},     {JobState::kConfiguring, Shown::kWaits},
      {JobState::kRunning, Shown::kRuns},      {JobState::kSuspended, Shown::kRuns},
      {JobState::kStopped, Shown::kRuns},      {JobState::kSignaling, Shown::kRuns},
      {JobState::kResizing, Shown::kRuns},     {JobState::kStageOut, Shown::kEnding},
      {JobState::kCompleting, Shown::kEnding}, {JobState::kRequeued, Shown::kWaits},
      {JobState::kRequeueFed, Shown::kWaits},  {JobState::kRequeueHold, Shown::kHeld},
      {JobState::kSpecialExit, Shown::kHeld},  {JobState::kReservationHold, Shown::kHeld},
      {JobState::kCompleted, Shown::kEnded},   {JobState::kFailed, Shown::kEnded},
      {JobState::kCancelled, Shown::kEnded},   {JobState::kTimeout, Shown::kEnded},
      {JobState::kNodeFail, Shown::kEnded},    {JobState::kPreempted, Shown::kEnded},
      {JobState::kBootFail, Shown::kEnded},    {JobState::kDeadline, Shown::kEnded},
      {JobState::kOutOfMemory, Shown::kEnded}, {JobState::kRevoked, Shown::kRuns},
  };
  for (const auto& [state, shown] : expected) {
    const auto view = seen(submitted(), {{queued(state)}, {}});
    EXPECT_EQ(operations::name_of(view.state), operations::name_of(shown)) << slurm::name_of(state);
    EXPECT_EQ(view.slurm_state, slurm::name_of(state));
    EXPECT_EQ(view.advice.empty(), shown != Shown::kHeld && shown != Shown::kEnded) << slurm::name_of(state);
  }
}

TEST(AllocationViews, an_id_that_is_another_jobs_now_is_not_taken_for_ours) {
  auto other = queued(JobState::kRunning);
  other.name = "somebody-elses";
  const auto view = seen(submitted(), {{other}, {}});
  EXPECT_EQ(view.state, Shown::kLost);
  EXPECT_THAT(view.advice, HasSubstr("resolute suite resume"));
}

TEST(AllocationViews, a_requeue_which_changes_the_time_of_submission_makes_no_other_job_of_it) {
  auto job = queued(JobState::kPending, "BeginTime");
  job.submitted = kNoon + std::chrono::minutes(5);
  const auto view = seen(submitted(), {{job}, {}});
  EXPECT_EQ(view.state, Shown::kWaits);
  EXPECT_EQ(view.reason, "BeginTime");
}

TEST(AllocationViews, a_job_that_slurm_lost_is_told_from_one_that_ended) {
  auto submission = submitted();
  EXPECT_EQ(seen(submission, {}).state, Shown::kLost) << "it never began";
  submission.batches[0].runs = {run()};
  EXPECT_EQ(seen(submission, {}).advice, "`resolute suite resume` submits it again") << "it has no log";
  submission.batches[0].logs = {"12.log"};
  const auto silent = seen(submission, {});
  EXPECT_EQ(silent.state, Shown::kLost) << "its last start was ended without a word";
  EXPECT_THAT(silent.log, HasSubstr("batch-001/log/12.log"));
  EXPECT_THAT(silent.advice, HasSubstr("resolute suite resume"));
  submission.batches[0].runs = {run(EndCause::kWalltime, "requeued")};
  EXPECT_EQ(seen(submission, {}).state, Shown::kLost) << "it was to be started again";
  submission.batches[0].runs = {run(EndCause::kCancelled, "left")};
  const auto cancelled = seen(submission, {});
  EXPECT_EQ(cancelled.state, Shown::kEnded);
  EXPECT_THAT(cancelled.advice, HasSubstr("resolute suite resume"));
}

TEST(AllocationViews, finished_jobs_that_slurm_forgot_are_known_by_their_own_records) {
  auto submission = submitted();
  submission.batches[0].runs = {run(EndCause::kWalltime, "requeued"), run(EndCause::kComplete, "finished")};
  EXPECT_THAT(names_to_ask({submission}), IsEmpty()) << "nothing is asked about it";
  const auto view = seen(submission, {}, true);
  EXPECT_EQ(view.state, Shown::kEnded);
  EXPECT_EQ(view.starts, 2);
  EXPECT_EQ(view.last_end, "complete: finished");
  EXPECT_EQ(view.advice, "");
  submission.batches[0].runs.back() = run(EndCause::kIncomplete, "finished");
  EXPECT_THAT(seen(submission, {}).advice, HasSubstr("see what failed"));
}

TEST(AllocationViews, with_the_controller_away_the_store_still_says_what_it_knows) {
  const SlurmAnswer silent{{}, "Unable to contact slurm controller (connect failure)"};
  auto submission = submitted();
  submission.batches[0].runs = {run(EndCause::kPreempted, "requeued")};
  const auto view = seen(submission, silent);
  EXPECT_EQ(view.state, Shown::kUnknown);
  EXPECT_EQ(view.job, 12);
  EXPECT_EQ(view.last_end, "preempted: requeued");
  EXPECT_TRUE(may_live(view.state));
  EXPECT_EQ(view.advice, "");
  submission.batches[0].runs = {run(EndCause::kComplete, "finished")};
  EXPECT_EQ(seen(submission, silent).state, Shown::kEnded) << "its own record tells";
}

TEST(AllocationViews, a_held_requeue_is_told_with_what_to_do) {
  for (const char* reason : {"job requeued in held state", "launch failed requeued held", "launch_failed_requeued_held",
                             "JobHeldUser", "JobHoldMaxRequeue", "RequeuedHoldLimit"}) {
    const auto view = seen(submitted(), {{queued(JobState::kPending, reason)}, {}});
    EXPECT_EQ(view.state, Shown::kHeld) << reason;
    EXPECT_THAT(view.advice, HasSubstr("`resolute suite resume` releases it")) << reason;
  }
  EXPECT_THAT(seen(submitted(), {{queued(JobState::kPending, "JobHeldAdmin")}, {}}).advice, HasSubstr("ask the site"));
}

TEST(AllocationViews, what_another_user_submitted_is_not_called_lost) {
  auto submission = submitted();
  submission.other_user = "anna";
  EXPECT_THAT(names_to_ask({submission}), IsEmpty());
  const auto view = seen(submission, {});
  EXPECT_EQ(view.state, Shown::kUnknown);
  EXPECT_EQ(view.advice, "submitted by anna: only anna can ask SLURM");
  submission.batches[0].runs = {run(EndCause::kComplete, "finished")};
  EXPECT_EQ(seen(submission, {}).state, Shown::kEnded) << "its own record tells";
}

TEST(AllocationViews, of_a_chain_the_job_that_runs_is_shown_and_then_its_successor) {
  auto submission = submitted();
  submission.batches[0].generation = 1;
  submission.batches[0].known = {{12, "", kNoon}, {13, "", kNoon}};
  auto next = queued(JobState::kPending, "Dependency");
  next.id = 13;
  EXPECT_EQ(seen(submission, {{queued(JobState::kRunning), next}, {}}).job, 12);
  EXPECT_EQ(seen(submission, {{queued(JobState::kCompleting), next}, {}}).job, 13);
  EXPECT_EQ(seen(submission, {{queued(JobState::kCompleted), next}, {}}).job, 13);
  EXPECT_EQ(seen(submission, {{queued(JobState::kCompleted)}, {}}).job, 12);
}

TEST(AllocationViews, a_submission_without_an_answer_is_found_by_its_name_or_called_not_submitted) {
  auto submission = submitted();
  submission.batches[0].known.clear();
  submission.batches[0].last = Intended{};
  EXPECT_EQ(seen(submission, {{queued(JobState::kPending, "Priority")}, {}}).state, Shown::kWaits);
  const auto lost = seen(submission, {});
  EXPECT_EQ(lost.state, Shown::kNotSubmitted);
  EXPECT_THAT(lost.advice, HasSubstr("resolute suite resume"));
  EXPECT_EQ(seen(submission, {{}, "Socket timed out"}).state, Shown::kUnknown);
  submission.batches[0].last = Refused{"Invalid account"};
  EXPECT_EQ(seen(submission, {}).state, Shown::kRefused);
  EXPECT_EQ(seen(submission, {}).reason, "Invalid account");
}

// The submission is closed with the refusal; until another is made, that is what there is to say.
TEST(AllocationViews, a_refused_submission_says_why_and_what_to_change_though_it_has_ended) {
  auto submission = submitted();
  submission.ended = true;
  submission.batches[0].known.clear();
  submission.batches[0].last = Refused{"Batch job submission failed: Invalid partition name specified"};
  const auto view = seen(submission, {});
  EXPECT_EQ(view.state, Shown::kRefused);
  EXPECT_EQ(view.reason, "Batch job submission failed: Invalid partition name specified");
  EXPECT_EQ(view.advice, "give --partition one that `sinfo` lists");
  EXPECT_EQ(seen(submission, {}, true).state, Shown::kEnded);
}

TEST(AllocationViews, what_slurm_saw_of_a_failed_job_is_told_where_its_own_record_has_no_end) {
  auto submission = submitted();
  const auto seen_with = [&](ExitCode exit, JobState state = JobState::kFailed) {
    return seen(submission, {{queued(state)}, {}, {{{kName, 12}, exit}}});
  };
  EXPECT_EQ(seen_with({0, 53}).exit_code, "0:53");
  EXPECT_THAT(seen_with({0, 53}).end_words, HasSubstr("its output file could not be opened"));
  EXPECT_THAT(seen_with({0, 53}).advice, HasSubstr("`suite resume` alone would end the same way"));
  submission.batches[0].runs = {run()};
  EXPECT_EQ(seen_with({0, 9}).end_words, "its script was killed: out of memory?");
  EXPECT_THAT(seen_with({0, 125}, JobState::kOutOfMemory).advice, HasSubstr("--memory"));
  EXPECT_EQ(seen_with({1, 0}).end_words, "");
  submission.batches[0].runs = {run(EndCause::kLauncherFailed, "given up: 3 starts")};
  EXPECT_EQ(seen_with({1, 0}).last_end, "launcher-failed: given up: 3 starts");
  EXPECT_THAT(seen_with({1, 0}).advice, HasSubstr("`resolute suite resume`"));
}

TEST(AllocationViews, an_end_is_not_told_twice) {
  auto submission = submitted();
  submission.batches[0].runs = {run(EndCause::kCancelled, "cancelled by `suite cancel`")};
  EXPECT_EQ(seen(submission, {{queued(JobState::kCancelled)}, {}}).last_end, "cancelled by `suite cancel`");
  submission.batches[0].runs = {run(EndCause::kComplete, "complete")};
  EXPECT_EQ(seen(submission, {}).last_end, "complete");
}

TEST(AllocationViews, ended_submissions_are_shown_only_where_there_is_no_other) {
  auto old = submitted();
  old.ended = true;
  old.batches[0].batch.job_name = "resolute-tiny-aaaaaaaaaaaa-1";
  old.request.token = "aaaaaaaaaaaa";
  EXPECT_THAT(names_to_ask({old}), IsEmpty());
  EXPECT_EQ(seen(old, {}).state, Shown::kEnded);
  const auto views = join({old, submitted()}, {}, false);
  ASSERT_THAT(views, SizeIs(1));
  EXPECT_EQ(views[0].submission, "0123456789ab");
  EXPECT_THAT(join({}, {}, false), IsEmpty());
}

// SLURM may be behind the store by seconds: what it says right then must not stand for a minute.
TEST(TimesToAsk, news_are_asked_about_at_once_and_once_more_soon) {
  using Due = TimesToAsk::Due;
  const auto at = [](int seconds) { return core::MonotonicTime(std::chrono::seconds(1000 + seconds)); };
  for (const char* news : {"submitted", "a run began", ""}) {
    TimesToAsk times;
    EXPECT_EQ(times.due("before", false, at(0)), Due::kNow);
    EXPECT_EQ(times.due("before", false, at(2)), Due::kNot);
    EXPECT_EQ(times.due(news, false, at(4)), Due::kNow) << "whenever it was asked last";
    EXPECT_EQ(times.due(news, false, at(13)), Due::kNot);
    EXPECT_EQ(times.due(news, false, at(14)), Due::kInPassing);
    for (int second = 15; second < 74; ++second) EXPECT_EQ(times.due(news, false, at(second)), Due::kNot) << second;
    EXPECT_EQ(times.due(news, false, at(74)), Due::kInPassing);
    EXPECT_EQ(times.due(news, true, at(80)), Due::kNot);
    EXPECT_EQ(times.due(news, true, at(84)), Due::kInPassing) << "it did not answer";
  }
}

}  // namespace
}  // namespace resolute::tests::allocation_view_test
