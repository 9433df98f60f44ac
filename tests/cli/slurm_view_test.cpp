#include "cli/slurm_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/submitter.h"
#include "tests/support/temporary_folder.h"

namespace resolute::tests::slurm_view_test {
namespace {

using namespace cli;
using namespace slurm;
using namespace testing;
using Shown = AllocationView::State;

const Time kNoon = std::chrono::sys_days(std::chrono::year(2026) / 1 / 31) + std::chrono::hours(12);
constexpr const char* kName = "resolute-tiny-0123456789ab-1";

//! One batch that SLURM took as job 12.
StoredSubmission submitted() {
  StoredSubmission submission;
  submission.request.token = "0123456789ab";
  submission.request.suite = "tiny";
  StoredBatch batch;
  batch.batch.job_name = kName;
  batch.folder = "/store/suites/tiny/submissions/0123456789ab/batch-001";
  batch.generation = 0;
  batch.known = {{12, "", kNoon}};
  submission.batches = {batch};
  return submission;
}

StoredSubmission submitted_array(int elements) {
  auto submission = submitted();
  for (int i = 0; i < elements; ++i)
    submission.batches[0].batch.jobs.push_back(std::string(64, static_cast<char>('a' + i)));
  return submission;
}

QueuedJob queued(JobState state, const std::string& reason = "None") {
  QueuedJob job;
  job.id = job.array = 12;
  job.state = state;
  job.submitted = kNoon;
  job.nodes = 2;
  job.name = kName;
  job.reason = reason;
  return job;
}

QueuedJob element(int index, JobState state) {
  auto job = queued(state);
  job.id = 20 + index;
  job.element = index;
  job.nodes = 1;
  return job;
}

AllocationRun run(std::optional<EndCause> cause = std::nullopt, const std::string& verdict = "") {
  AllocationRun run;
  run.job = 12;
  run.begin = kNoon;
  if (cause) run.end = kNoon + std::chrono::minutes(10);
  run.cause = cause;
  run.verdict = verdict;
  return run;
}

AllocationView seen(const StoredSubmission& submission, const SlurmAnswer& answer, bool complete = false) {
  const auto views = join({submission}, answer, complete);
  EXPECT_THAT(views, SizeIs(1));
  return views.at(0);
}

std::string line_of(const AllocationView& view, Time now = kNoon + std::chrono::minutes(20)) {
  ::setenv("TZ", "UTC", 1);
  return allocation_lines({view}, {}, now).at(0);
}

TEST(SlurmView, every_state_of_slurms_is_one_of_ours) {
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
      {JobState::kOutOfMemory, Shown::kEnded}, {JobState::kRevoked, Shown::kEnded},
  };
  for (const auto& [state, shown] : expected) {
    const auto view = seen(submitted(), {{queued(state)}, {}});
    EXPECT_EQ(cli::name_of(view.state), cli::name_of(shown)) << slurm::name_of(state);
    EXPECT_EQ(view.slurm_state, slurm::name_of(state));
    EXPECT_EQ(view.advice.empty(), shown != Shown::kHeld && shown != Shown::kEnded) << slurm::name_of(state);
  }
}

TEST(SlurmView, a_running_allocation_shows_its_nodes_and_its_times) {
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

TEST(SlurmView, a_waiting_allocation_says_why_and_when_it_is_to_begin) {
  auto job = queued(JobState::kPending, "Resources");
  job.begin = kNoon + std::chrono::hours(1);
  EXPECT_EQ(line_of(seen(submitted(), {{job}, {}})),
            "allocation 1, job 12, waits: it is next, the nodes that it needs are busy (Resources), begins about "
            "13:00");
  job.begin = kNoon + std::chrono::days(2);
  EXPECT_THAT(line_of(seen(submitted(), {{job}, {}})), HasSubstr("begins about Mon 02 Feb 12:00"));
}

TEST(SlurmView, an_id_that_is_another_jobs_now_is_not_taken_for_ours) {
  auto other = queued(JobState::kRunning);
  other.name = "somebody-elses";
  const auto view = seen(submitted(), {{other}, {}});
  EXPECT_EQ(view.state, Shown::kLost);
  EXPECT_THAT(view.advice, HasSubstr("resolute suite resume"));
}

TEST(SlurmView, a_requeue_which_changes_the_time_of_submission_makes_no_other_job_of_it) {
  auto job = queued(JobState::kPending, "BeginTime");
  job.submitted = kNoon + std::chrono::minutes(5);
  const auto view = seen(submitted(), {{job}, {}});
  EXPECT_EQ(view.state, Shown::kWaits);
  EXPECT_EQ(view.reason, "BeginTime");
}

TEST(SlurmView, a_job_that_slurm_lost_is_told_from_one_that_ended) {
  auto submission = submitted();
  EXPECT_EQ(seen(submission, {}).state, Shown::kLost) << "it never began";
  submission.batches[0].runs = {run()};
  EXPECT_EQ(seen(submission, {}).advice, "`resolute suite resume` submits it again") << "it has no log";
  submission.batches[0].logs = {"12.log"};
  const auto silent = seen(submission, {});
  EXPECT_EQ(silent.state, Shown::kLost) << "its last start was ended without a word";
  EXPECT_THAT(silent.advice, AllOf(HasSubstr("batch-001/log/12.log"), HasSubstr("resolute suite resume")));
  submission.batches[0].runs = {run(EndCause::kWalltime, "requeued")};
  EXPECT_EQ(seen(submission, {}).state, Shown::kLost) << "it was to be started again";
  submission.batches[0].runs = {run(EndCause::kCancelled, "left")};
  const auto cancelled = seen(submission, {});
  EXPECT_EQ(cancelled.state, Shown::kEnded);
  EXPECT_THAT(cancelled.advice, HasSubstr("resolute suite resume"));
}

TEST(SlurmView, finished_jobs_that_slurm_forgot_are_known_by_their_own_records) {
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

TEST(SlurmView, with_the_controller_away_the_store_still_says_what_it_knows) {
  const SlurmAnswer silent{{}, "Unable to contact slurm controller (connect failure)"};
  auto submission = submitted();
  submission.batches[0].runs = {run(EndCause::kPreempted, "requeued")};
  const auto view = seen(submission, silent);
  EXPECT_EQ(view.state, Shown::kUnknown);
  EXPECT_EQ(view.job, 12);
  EXPECT_EQ(view.last_end, "preempted: requeued");
  EXPECT_TRUE(may_live(view.state));
  EXPECT_THAT(allocation_lines({view}, silent, kNoon),
              ElementsAre(AllOf(StartsWith("allocation 1, job 12, may wait, run or have ended"), Not(HasSubstr("→"))),
                          "SLURM does not say: Unable to contact slurm controller (connect failure)"));
  submission.batches[0].runs = {run(EndCause::kComplete, "finished")};
  EXPECT_EQ(seen(submission, silent).state, Shown::kEnded) << "its own record tells";
}

TEST(SlurmView, a_held_requeue_is_told_with_what_to_do) {
  for (const char* reason : {"job requeued in held state", "launch failed requeued held", "launch_failed_requeued_held",
                             "JobHeldUser", "JobHoldMaxRequeue"}) {
    const auto view = seen(submitted(), {{queued(JobState::kPending, reason)}, {}});
    EXPECT_EQ(view.state, Shown::kHeld) << reason;
    EXPECT_THAT(line_of(view), AllOf(HasSubstr("is held: "), HasSubstr("→ `resolute suite resume` releases it")))
        << reason;
  }
  EXPECT_THAT(seen(submitted(), {{queued(JobState::kPending, "JobHeldAdmin")}, {}}).advice, HasSubstr("ask the site"));
}

TEST(SlurmView, an_arrays_elements_are_counted) {
  const auto submission = submitted_array(4);
  auto running = element(0, JobState::kRunning);
  running.node_list = "n1";
  auto beside = element(1, JobState::kRunning);
  beside.node_list = "n1";
  auto waiting = element(2, JobState::kPending);
  waiting.reason = "JobArrayTaskLimit";
  const auto view = seen(submission, {{running, beside, waiting, element(3, JobState::kPending)}, {}});
  EXPECT_EQ(view.state, Shown::kRuns);
  EXPECT_EQ(view.job, 12);
  EXPECT_EQ(view.elements, 4);
  EXPECT_EQ(view.slurm_state, "2 PENDING, 2 RUNNING");
  EXPECT_EQ(view.nodes, 1) << "both run on one";
  EXPECT_EQ(view.node_list, "n1");
  EXPECT_EQ(view.advice, "");
}

TEST(SlurmView, many_nodes_of_an_array_are_counted_and_a_compressed_list_stays_whole) {
  std::vector<QueuedJob> jobs;
  for (int i = 0; i < 13; ++i) {
    jobs.push_back(element(i, JobState::kRunning));
    jobs.back().node_list = "n" + std::to_string(i + 10);
  }
  EXPECT_THAT(line_of(seen(submitted_array(13), {jobs, {}})), HasSubstr("runs on n10 and 12 more;"));
  auto job = queued(JobState::kRunning);
  job.node_list = "n[1,3,5,7,9-12]";
  EXPECT_THAT(line_of(seen(submitted(), {{job}, {}})), HasSubstr("runs on n[1,3,5,7,9-12]"));
}

TEST(SlurmView, what_another_user_submitted_is_not_called_lost) {
  auto submission = submitted();
  submission.other_user = "anna";
  EXPECT_THAT(names_to_ask({submission}), IsEmpty());
  const auto view = seen(submission, {});
  EXPECT_EQ(view.state, Shown::kUnknown);
  EXPECT_EQ(view.advice, "submitted by anna: only anna can ask SLURM");
  submission.batches[0].runs = {run(EndCause::kComplete, "finished")};
  EXPECT_EQ(seen(submission, {}).state, Shown::kEnded) << "its own record tells";
}

TEST(SlurmView, elements_that_ended_by_their_records_are_not_missed_and_others_are) {
  auto submission = submitted_array(4);
  auto done = run(EndCause::kComplete, "finished");
  done.element = 0;
  auto cut = run(EndCause::kWalltime, "requeued");
  cut.element = 1;
  submission.batches[0].runs = {done, cut};
  const auto view = seen(submission, {{element(2, JobState::kRunning), element(3, JobState::kPending)}, {}});
  EXPECT_EQ(view.last_end, "1 complete, 1 walltime");
  EXPECT_THAT(view.advice, StartsWith("1 elements have gone"));
  EXPECT_THAT(names_to_ask({submission}), ElementsAre(kName));
}

TEST(SlurmView, of_a_chain_the_job_that_runs_is_shown_and_then_its_successor) {
  auto submission = submitted();
  submission.batches[0].generation = 1;
  submission.batches[0].known = {{12, "", kNoon}, {13, "", kNoon}};
  auto next = queued(JobState::kPending, "Dependency");
  next.id = next.array = 13;
  EXPECT_EQ(seen(submission, {{queued(JobState::kRunning), next}, {}}).job, 12);
  EXPECT_EQ(seen(submission, {{queued(JobState::kCompleting), next}, {}}).job, 13);
  EXPECT_EQ(seen(submission, {{queued(JobState::kCompleted), next}, {}}).job, 13);
  EXPECT_EQ(seen(submission, {{queued(JobState::kCompleted)}, {}}).job, 12);
}

TEST(SlurmView, a_submission_without_an_answer_is_found_by_its_name_or_called_not_submitted) {
  auto submission = submitted();
  submission.batches[0].known.clear();
  submission.batches[0].unanswered = true;
  EXPECT_EQ(seen(submission, {{queued(JobState::kPending, "Priority")}, {}}).state, Shown::kWaits);
  const auto lost = seen(submission, {});
  EXPECT_EQ(lost.state, Shown::kNotSubmitted);
  EXPECT_THAT(lost.advice, HasSubstr("resolute suite resume"));
  EXPECT_EQ(seen(submission, {{}, "Socket timed out"}).state, Shown::kUnknown);
  submission.batches[0].unanswered = false;
  submission.batches[0].refused = "Invalid account";
  EXPECT_THAT(line_of(seen(submission, {})), HasSubstr("was refused by SLURM: Invalid account"));
}

TEST(SlurmView, ended_submissions_are_shown_only_where_there_is_no_other) {
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
  EXPECT_THAT(allocation_lines({}, {{}, "away"}, kNoon), IsEmpty());
}

TEST(SlurmView, json_has_every_field_and_null_for_what_is_not_known) {
  auto job = queued(JobState::kRunning);
  job.begin = kNoon;
  const auto json = allocations_json({seen(submitted(), {{job}, {}})});
  EXPECT_EQ(json.dump(),
            R"([{"advice":"","allocation":1,"batch":1,"begin":"2026-01-31T12:00:00Z","elements":0,"end":null,"job":12,)"
            R"("last_end":"","node_list":"","nodes":2,"reason":"","slurm_state":"RUNNING","starts":0,"state":"runs",)"
            R"("submission":"0123456789ab"}])");
}

TEST(SlurmView, any_number_of_batches_costs_one_call) {
  std::vector<std::vector<std::string>> calls;
  core::ManualClock clock;
  Effects effects;
  effects.clock = &clock;
  effects.sleep = [&](std::chrono::milliseconds time) { clock.advance(time); };
  effects.run = [&](const std::vector<std::string>& arguments, std::chrono::milliseconds) {
    calls.push_back(arguments);
    return core::CommandOutput{
        core::Exited{0},
        std::string("12|12|N/A|RUNNING|2026-01-31T12:00:00|") + "2026-01-31T12:00:00|N/A|2|n[1-2]|" + kName + "|None\n",
        "", false};
  };
  Client client(effects);
  auto submission = submitted();
  submission.batches.push_back(submission.batches[0]);
  submission.batches[1].batch.job_name = "resolute-tiny-0123456789ab-2";
  const auto answer = ask_slurm(client, names_to_ask({submission}));
  EXPECT_THAT(calls, SizeIs(1));
  EXPECT_FALSE(answer.trouble);
  EXPECT_EQ(join({submission}, answer, false)[0].state, Shown::kRuns);
  EXPECT_EQ(join({submission}, answer, false)[1].state, Shown::kLost);
  calls.clear();
  EXPECT_FALSE(ask_slurm(client, {}).trouble);
  EXPECT_THAT(calls, IsEmpty()) << "nothing may live: nothing is asked";
}

TEST(SlurmView, a_controller_that_is_away_and_a_machine_without_slurm_are_trouble_and_no_error) {
  core::ManualClock clock;
  Effects effects;
  effects.clock = &clock;
  effects.sleep = [&](std::chrono::milliseconds time) { clock.advance(time); };
  effects.run = [&](const std::vector<std::string>&, std::chrono::milliseconds) {
    return core::CommandOutput{core::Exited{1}, "",
                               "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n", false};
  };
  Client away(effects);
  EXPECT_THAT(ask_slurm(away, names_to_ask({submitted()})).trouble.value_or(""), HasSubstr("contact slurm controller"));
  effects.run = [](const std::vector<std::string>&, std::chrono::milliseconds) -> core::CommandOutput {
    throw core::input_error("program 'squeue' cannot be started");
  };
  Client missing(effects);
  EXPECT_NE(ask_slurm(missing, names_to_ask({submitted()})).trouble.value_or(""), "");
}

TEST(SlurmView, submissions_are_read_from_the_store_and_a_broken_one_is_left_out) {
  TemporaryFolder folder;
  auto& files = core::real_file_system();
  SubmissionRequest request;
  request.token = "0123456789ab";
  request.suite = "tiny";
  request.created = kNoon;
  request.by = effective_user() + "@somewhere";
  request.store = request.relative_to = request.working_folder = folder.path();
  request.resolute = "/usr/bin/resolute";
  request.batches = {{.number = 1, .job_name = kName}};
  create_submission(files, folder.path(), request, "title = \"tiny\"\n");
  auto stored = read_submissions(files, folder.path());
  ASSERT_THAT(stored, SizeIs(1));
  EXPECT_EQ(stored[0].request.token, "0123456789ab");
  ASSERT_THAT(stored[0].batches, SizeIs(1));
  EXPECT_EQ(stored[0].batches[0].generation, -1);
  EXPECT_EQ(join(stored, {}, false)[0].state, Shown::kNotSubmitted);
  write_run(files, stored[0].batches[0].folder, run(EndCause::kComplete, "finished"));
  EXPECT_THAT(read_submissions(files, folder.path())[0].batches[0].runs, SizeIs(1));
  core::write_atomic(files, folder.path() / "submissions/ffffffffffff/request.json", "{");
  EXPECT_THAT(read_submissions(files, folder.path()), SizeIs(1));
  std::set<std::string> warned;
  for (int i = 0; i < 2; ++i) EXPECT_THAT(read_submissions(files, folder.path(), &warned), SizeIs(1));
  EXPECT_THAT(warned, SizeIs(1)) << "the second look does not warn again";
}

}  // namespace
}  // namespace resolute::tests::slurm_view_test
