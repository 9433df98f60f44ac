#include "slurm/allocation.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "core/error.h"
#include "tests/support/equal.h"
#include "tests/support/refusal.h"
#include "tests/support/sick_file_system.h"
#include "tests/support/temporary_folder.h"

namespace resolute::slurm::allocation_test {
namespace {

using namespace std::chrono_literals;

constexpr Time kNow{1'000'000s};

ShownJob running() { return {.id = 12, .state = JobState::kRunning, .reason = {}}; }

ShownJob in_state(JobState state, const std::string& reason = "None") {
  ShownJob job = running();
  job.state = state;
  job.reason = reason;
  return job;
}

// A run began, and ended for no reason that is known; an hour was left.
AllocationEnding plain() { return {.began = true, .job = running(), .ends_at = kNow + 1h, .now = kNow}; }

SubmissionRequest request(Continuation way = Continuation::kRequeue) {
  SubmissionRequest made;
  made.continuation = way;
  made.most_restarts = 10;
  return made;
}

ScriptStart run_of(EndCause cause, std::int64_t steps_before, std::int64_t steps_after) {
  ScriptStart run;
  run.job = 12;
  run.begin = kNow;
  run.end = kNow + 10s;
  run.cause = cause;
  run.before = {1, steps_before};
  run.after = {1, steps_after};
  return run;
}

// Ended by SIGKILL, with its node or for good: nothing but its begin is known.
ScriptStart silent_run(std::int64_t steps_before) {
  ScriptStart run = run_of(EndCause::kInterrupted, steps_before, 0);
  run.end.reset();
  run.cause.reset();
  run.after = {};
  return run;
}

// What follows a start that found `before` done and left `now`.
NextStep after(const std::vector<ScriptStart>& earlier, const Achieved& before, const Achieved& now,
               EndCause cause = EndCause::kWalltime) {
  return next_step(cause, before, now, earlier, request());
}

template <class Step>
::testing::AssertionResult is(const NextStep& step) {
  if (std::holds_alternative<Step>(step)) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "it is alternative " << step.index();
}

TEST(AllocationEnvironment, is_read_from_what_slurm_exports) {
  const auto read = read_allocation_environment({{"SLURM_JOB_ID", "21"},
                                                 {"SLURM_RESTART_COUNT", "2"},
                                                 {"SLURM_JOB_NUM_NODES", "4"},
                                                 {"SLURM_JOB_NODELIST", "n[1-4]"}});
  EXPECT_EQ(read.job, 21);
  EXPECT_EQ(read.restart, 2);
  EXPECT_EQ(read.nodes, 4);
  EXPECT_EQ(read.node_list, "n[1-4]");
}

TEST(AllocationEnvironment, of_a_first_start_has_no_restart_count) {
  const auto read = read_allocation_environment({{"SLURM_JOB_ID", "21"}, {"SLURM_NNODES", "2"}});
  EXPECT_EQ(read.restart, 0);
  EXPECT_EQ(read.nodes, 2);
}

TEST(AllocationEnvironment, is_refused_outside_of_slurm_and_where_a_variable_is_no_number) {
  const auto refused = [](const std::map<std::string, std::string>& variables) {
    return !tests::refusal([&] { read_allocation_environment(variables); }).empty();
  };
  EXPECT_TRUE(refused({}));
  for (const char* id : {"", "0", "-1", "12x", " 12", "99999999999999999999"})
    EXPECT_TRUE(refused({{"SLURM_JOB_ID", id}})) << id;
  for (const auto& [name, value] :
       {std::pair{"SLURM_RESTART_COUNT", "one"}, {"SLURM_RESTART_COUNT", "99999999999"}, {"SLURM_JOB_NUM_NODES", "0"}})
    EXPECT_TRUE(refused({{"SLURM_JOB_ID", "12"}, {name, value}})) << name << " " << value;
}

ShownJob& shown(AllocationEnding& ending) { return std::get<ShownJob>(*ending.job); }

void another_until_the_limit(AllocationEnding& ending) {
  ending.began = false;
  ending.another_run = ending.noticed = true;
  ending.ends_at = kNow + 1min;
}

// What happened, told as a change of plain(), and what that is called.
struct KnownEnd {
  const char* name;
  EndCause cause;
  void (*happened)(AllocationEnding& e);
};

std::vector<KnownEnd> known_ends() {
  using enum EndCause;
  return {
      {"complete_whatever_else_happened", kComplete,
       [](AllocationEnding& e) {
         e.complete = e.noticed = e.terminated = e.asked_to_stop = true, e.job = in_state(JobState::kCancelled);
       }},
      {"jobs_given_up", kIncomplete, [](AllocationEnding& e) { e.given_up = true; }},
      {"jobs_given_up_near_the_limit", kIncomplete,
       [](AllocationEnding& e) { e.given_up = true, e.ends_at = kNow + 10s; }},
      {"jobs_given_up_for_the_store_alone", kStoreError,
       [](AllocationEnding& e) { e.given_up = e.store_failed = true; }},
      {"jobs_given_up_for_the_store_near_the_limit", kWalltime,
       [](AllocationEnding& e) { e.given_up = e.store_failed = true, e.ends_at = kNow + 10s; }},
      {"jobs_given_up_for_the_store_and_cancelled", kCancelled,
       [](AllocationEnding& e) { e.given_up = e.store_failed = true, e.job = in_state(JobState::kCancelled); }},
      {"no_word_of_the_store", kStoreError, [](AllocationEnding& e) { e.store_failed = true; }},
      {"asked_to_stop", kCancelled, [](AllocationEnding& e) { e.asked_to_stop = true; }},
      {"cancelled", kCancelled, [](AllocationEnding& e) { e.job = in_state(JobState::kCancelled); }},
      // As measured: `scontrol show job` says COMPLETING for all of these while the script still lives.
      {"completing", kCancelled,
       [](AllocationEnding& e) { e.terminated = true, e.job = in_state(JobState::kCompleting); }},
      {"completing_at_the_limit", kWalltime,
       [](AllocationEnding& e) { e.terminated = true, e.job = in_state(JobState::kCompleting, "TimeLimit"); }},
      {"completing_for_a_node", kNodeLost,
       [](AllocationEnding& e) { e.terminated = true, e.job = in_state(JobState::kCompleting, "NodeDown"); }},
      {"completing_to_start_again", kRequeued,
       [](AllocationEnding& e) {
         e.terminated = true, e.job = in_state(JobState::kCompleting, "TimeLimit"), shown(e).restarts = 1;
       }},
      {"completing_preempted", kPreempted,
       [](AllocationEnding& e) {
         e.terminated = true, e.job = in_state(JobState::kCompleting), shown(e).preempted = kNow - 3s;
       }},
      // Its TERM may come later than SLURM's word; a requeue would undo what the user did.
      {"completing_before_anything_was_heard", kCancelled,
       [](AllocationEnding& e) { e.job = in_state(JobState::kCompleting); }},
      {"restarts_as_before", kInterrupted, [](AllocationEnding& e) { shown(e).restarts = e.restart = 2; }},
      {"restarted_after_this_one", kRequeued, [](AllocationEnding& e) { shown(e).restarts = 2, e.restart = 1; }},
      {"waiting_to_start_again", kRequeued,
       [](AllocationEnding& e) { e.job = in_state(JobState::kPending), shown(e).restarts = e.restart = 2; }},
      // TERM goes to the steps alone then: this process hears nothing, but SLURM says when it told the job to go.
      {"preempted_by_slurms_word", kPreempted,
       [](AllocationEnding& e) { shown(e).preempted = kNow - 1s, shown(e).begin = kNow - 10s; }},
      {"preempted_in_an_earlier_start", kInterrupted,
       [](AllocationEnding& e) { shown(e).preempted = kNow - 1s, shown(e).begin = kNow; }},
      {"noticed_far_from_the_limit", kPreempted, [](AllocationEnding& e) { e.noticed = true; }},
      {"noticed_near_the_limit", kWalltime, [](AllocationEnding& e) { e.noticed = true, e.ends_at = kNow + 3min; }},
      {"noticed_without_a_known_limit", kPreempted, [](AllocationEnding& e) { e.noticed = true, e.ends_at.reset(); }},
      {"noticed_too_early", kPreempted, [](AllocationEnding& e) { e.noticed = true, e.ends_at = kNow + 11min; }},
      {"noticed_as_early_as_asked_for", kWalltime,
       [](AllocationEnding& e) { e.noticed = true, e.ends_at = kNow + 11min, e.notice = 10min; }},
      {"noticed_earlier_than_asked_for", kPreempted,
       [](AllocationEnding& e) { e.noticed = true, e.ends_at = kNow + 13min, e.notice = 10min; }},
      {"stopped_in_time_by_itself", kWalltime, [](AllocationEnding& e) { e.ends_at = kNow + 55s; }},
      {"stopped_in_time_by_itself_long_before", kWalltime,
       [](AllocationEnding& e) { e.ends_at = kNow + 590s, e.notice = 600s; }},
      {"ended_before_a_short_notice", kInterrupted,
       [](AllocationEnding& e) { e.ends_at = kNow + 95s, e.notice = 30s; }},
      {"ended_after_the_limit", kWalltime, [](AllocationEnding& e) { e.ends_at = kNow - 20s; }},
      {"ended_before_the_limit_was_near", kInterrupted, [](AllocationEnding& e) { e.ends_at = kNow + 3min; }},
      {"terminated_without_an_answer", kTerminated, [](AllocationEnding& e) { e.terminated = true, e.job.reset(); }},
      {"terminated_at_the_limit_without_an_answer", kWalltime,
       [](AllocationEnding& e) { e.terminated = true, e.job.reset(), e.ends_at = kNow + 5s; }},
      {"terminated_while_slurm_says_that_the_job_runs_on", kInterrupted,
       [](AllocationEnding& e) { e.terminated = true; }},
      {"another_run_at_work", kAnotherRun, [](AllocationEnding& e) { e.began = false, e.another_run = true; }},
      {"another_run_at_work_until_the_limit", kAnotherRun, another_until_the_limit},
      {"cancelled_while_another_run_was_at_work", kCancelled,
       [](AllocationEnding& e) { another_until_the_limit(e), e.job = in_state(JobState::kCancelled); }},
      {"completed_by_another_run", kComplete,
       [](AllocationEnding& e) {
         another_until_the_limit(e), e.complete = true, e.job = in_state(JobState::kCancelled);
       }},
      {"no_run_began", kLauncherFailed, [](AllocationEnding& e) { e.began = false; }},
      {"no_run_may_begin", kConfiguration, [](AllocationEnding& e) { e.began = false, e.wrong_usage = true; }},
      // A short allocation is always near its end.
      {"no_run_may_begin_in_a_short_allocation", kConfiguration,
       [](AllocationEnding& e) { e.began = false, e.wrong_usage = true, e.ends_at = kNow + 30s; }},
      {"cancelled_where_no_run_may_begin", kCancelled,
       [](AllocationEnding& e) {
         e.began = false, e.wrong_usage = true, e.ends_at = kNow + 30s, e.job = in_state(JobState::kCancelled);
       }},
      {"nothing_known", kInterrupted, [](AllocationEnding&) {}},
      {"killed_before_a_run_began", kInterrupted, [](AllocationEnding& e) { e.began = false, e.killed = true; }},
      {"killed_while_slurm_ended_the_job", kCancelled,
       [](AllocationEnding& e) { e.killed = true, e.job = in_state(JobState::kCompleting); }},
      {"nothing_known_of_a_job_that_is_gone", kInterrupted, [](AllocationEnding& e) { e.job = Gone{}; }},
      {"nothing_known_of_a_job_of_another_name", kInterrupted, [](AllocationEnding& e) { e.job = AnotherJob{}; }},
  };
}

class KnownEnds : public ::testing::TestWithParam<KnownEnd> {};

TEST_P(KnownEnds, have_their_cause) {
  AllocationEnding ending = plain();
  GetParam().happened(ending);
  EXPECT_EQ(cause_of(ending), GetParam().cause) << name_of(cause_of(ending));
}

INSTANTIATE_TEST_SUITE_P(CauseOfAnEnd, KnownEnds, ::testing::ValuesIn(known_ends()),
                         [](const auto& asked) { return std::string(asked.param.name); });

// Every state that SLURM can show, with and without its signals: what a user has cancelled and what SLURM has started
// again is never called anything by which the job would be requeued.
TEST(CauseOfAnEnd, never_brings_a_cancelled_or_requeued_job_back) {
  for (int state = 0; state <= static_cast<int>(JobState::kOutOfMemory); ++state) {
    for (int flags = 0; flags < 64; ++flags) {
      AllocationEnding ending = plain();
      ShownJob job = in_state(static_cast<JobState>(state));
      ending.began = (flags & 1) != 0;
      ending.wrong_usage = !ending.began && (flags & 2) != 0;
      ending.noticed = (flags & 4) != 0;
      ending.terminated = (flags & 8) != 0;
      if ((flags & 16) != 0) ending.ends_at = kNow + 10s;
      const bool started_again = (flags & 32) != 0;
      job.restarts = started_again ? 1 : 0;
      ending.job = job;
      const EndCause cause = cause_of(ending);
      const auto step = next_step(cause, {}, {}, {}, request());
      const bool gone = job.state == JobState::kCancelled || started_again || phase_of(job.state) == Phase::kWaits ||
                        phase_of(job.state) == Phase::kEnding;
      EXPECT_TRUE(!gone || is<Leave>(step)) << name_of(job.state) << ' ' << flags << ' ' << name_of(cause);
    }
  }
}

TEST(NextStep, ends_with_a_complete_suite_and_with_one_that_is_as_complete_as_it_gets) {
  EXPECT_TRUE(is<Finish>(after({}, {}, {}, EndCause::kComplete)));
  EXPECT_TRUE(is<Finish>(after({}, {}, {}, EndCause::kIncomplete)));
}

TEST(NextStep, leaves_where_somebody_else_has_decided) {
  for (const auto cause : {EndCause::kCancelled, EndCause::kRequeued, EndCause::kTerminated})
    EXPECT_TRUE(is<Leave>(after({}, {}, {5, 100}, cause))) << name_of(cause);
}

TEST(NextStep, gives_up_at_once_what_would_fail_the_same_way) {
  EXPECT_TRUE(is<GiveUp>(after({}, {}, {}, EndCause::kConfiguration)));
}

TEST(NextStep, goes_on_the_way_that_was_asked_for) {
  for (const auto cause : {EndCause::kWalltime, EndCause::kPreempted, EndCause::kNodeLost, EndCause::kAnotherRun,
                           EndCause::kLauncherFailed, EndCause::kStoreError, EndCause::kInterrupted}) {
    for (const auto way : {Continuation::kRequeue, Continuation::kChain}) {
      const auto step = next_step(cause, {1, 10}, {1, 20}, {}, request(way));
      ASSERT_TRUE(is<GoOn>(step)) << name_of(cause);
      EXPECT_EQ(std::get<GoOn>(step).way, way);
    }
  }
}

TEST(NextStep, gives_up_after_fruitless_starts_in_a_row) {
  const std::vector<ScriptStart> two{run_of(EndCause::kLauncherFailed, 10, 10), run_of(EndCause::kInterrupted, 10, 10)};
  const std::vector<ScriptStart> one{two.front()};
  EXPECT_TRUE(is<GoOn>(after(one, {1, 10}, {1, 10})));
  const auto step = after(two, {1, 10}, {1, 10});
  ASSERT_TRUE(is<GiveUp>(step));
  EXPECT_EQ(std::get<GiveUp>(step).why,
            "3 starts in a row finished no job and wrote no checkpoint, the last for walltime");
}

TEST(NextStep, gives_up_with_the_reason_that_the_runs_journal_has) {
  const std::vector<ScriptStart> two(2, run_of(EndCause::kWalltime, 10, 10));
  const auto step = next_step(EndCause::kWalltime, {1, 10}, {1, 10}, two, request(), "the allocation ends in 59 s");
  EXPECT_EQ(
      std::get<GiveUp>(step).why,
      "3 starts in a row finished no job and wrote no checkpoint, the last for walltime (the allocation ends in 59 "
      "s)");
}

TEST(NextStep, points_to_nothing_that_is_not_there) {
  EXPECT_EQ(std::get<GiveUp>(after({}, {}, {}, EndCause::kConfiguration)).why,
            "the run refuses to begin, and would again; the log says why");
}

TEST(NextStep, goes_on_after_a_store_that_failed_as_long_as_something_is_done) {
  const std::vector<ScriptStart> two(2, run_of(EndCause::kStoreError, 10, 10));
  EXPECT_TRUE(is<GoOn>(after(two, {1, 10}, {2, 10}, EndCause::kStoreError)));
  EXPECT_TRUE(is<GiveUp>(after(two, {1, 10}, {1, 10}, EndCause::kStoreError)));
}

TEST(NextStep, counts_from_the_last_start_that_achieved_something) {
  const std::vector<ScriptStart> earlier{run_of(EndCause::kWalltime, 10, 10), run_of(EndCause::kWalltime, 10, 10),
                                         run_of(EndCause::kWalltime, 10, 11), run_of(EndCause::kWalltime, 11, 11)};
  EXPECT_TRUE(is<GoOn>(after(earlier, {1, 11}, {1, 11})));
  EXPECT_TRUE(is<GoOn>(after({earlier[0], earlier[1], earlier[3]}, {1, 11}, {2, 11}))) << "this start finished a job";
}

TEST(NextStep, takes_preemption_requeues_and_lost_nodes_for_no_fault_of_the_batch) {
  std::vector<ScriptStart> earlier;
  for (int i = 0; i < 3; ++i) {
    earlier.push_back(run_of(EndCause::kPreempted, 10, 10));
    earlier.push_back(run_of(EndCause::kRequeued, 10, 10));
    earlier.push_back(silent_run(10));
  }
  earlier.back() = run_of(EndCause::kNodeLost, 10, 10);
  for (const auto cause : {EndCause::kPreempted, EndCause::kNodeLost, EndCause::kAnotherRun})
    EXPECT_TRUE(is<GoOn>(after(earlier, {1, 10}, {1, 10}, cause))) << name_of(cause);
  // They do not hide the others either.
  earlier.insert(earlier.begin(), {run_of(EndCause::kWalltime, 10, 10), run_of(EndCause::kWalltime, 10, 10)});
  auto patient = request();
  patient.most_restarts = 100;
  EXPECT_TRUE(is<GiveUp>(next_step(EndCause::kWalltime, {1, 10}, {1, 10}, earlier, patient)));
}

TEST(NextStep, never_gives_up_for_an_end_that_is_no_fault_of_the_batch) {
  const std::vector<ScriptStart> earlier(3, run_of(EndCause::kWalltime, 10, 10));
  EXPECT_TRUE(is<GoOn>(after(earlier, {1, 10}, {1, 10}, EndCause::kPreempted)));
}

TEST(NextStep, counts_anew_after_what_was_given_up_and_resumed) {
  std::vector<ScriptStart> earlier(10, run_of(EndCause::kWalltime, 10, 10));
  earlier.push_back(run_of(EndCause::kConfiguration, 10, 10));
  EXPECT_TRUE(is<GiveUp>(after(earlier, {1, 10}, {1, 10})));
  earlier.back().given_up = true;
  EXPECT_TRUE(is<GoOn>(after(earlier, {1, 10}, {1, 10})));
  EXPECT_TRUE(is<GoOn>(after(earlier, {1, 10}, {1, 11}))) << "the starts before it are no more counted either";
  earlier.insert(earlier.end(), 2, run_of(EndCause::kWalltime, 10, 10));
  EXPECT_TRUE(is<GiveUp>(after(earlier, {1, 10}, {1, 10})));
}

TEST(NextStep, takes_a_journal_that_cannot_be_read_for_no_sign_of_fruitlessness) {
  const std::vector<ScriptStart> two(2, run_of(EndCause::kWalltime, 10, 10));
  const Achieved unknown{1, std::nullopt};
  EXPECT_TRUE(is<GoOn>(after(two, {1, 10}, unknown)));
  EXPECT_TRUE(is<GoOn>(after(two, unknown, {1, 10})));
  EXPECT_TRUE(is<GiveUp>(after(two, unknown, unknown, EndCause::kLauncherFailed))) << "no run began";
  // Nor does it end the row.
  std::vector<ScriptStart> three = two;
  three.push_back(run_of(EndCause::kWalltime, 10, 10));
  three.back().after = unknown;
  EXPECT_TRUE(is<GiveUp>(after(three, {1, 10}, {1, 10})));
}

TEST(NextStep, knows_what_a_start_without_a_word_achieved_by_the_next_ones_begin) {
  const std::vector<ScriptStart> earlier{run_of(EndCause::kWalltime, 10, 10), run_of(EndCause::kWalltime, 10, 10),
                                         silent_run(10)};
  EXPECT_TRUE(is<GoOn>(after(earlier, {1, 15}, {1, 15})));
  EXPECT_TRUE(is<GiveUp>(after(earlier, {1, 10}, {1, 10})));
}

TEST(NextStep, is_bounded_by_the_number_of_starts_even_with_progress) {
  std::vector<ScriptStart> earlier;
  for (int i = 0; i < 10; ++i) earlier.push_back(run_of(EndCause::kWalltime, i, i + 1));
  EXPECT_TRUE(is<GiveUp>(after(earlier, {1, 10}, {1, 11})));
  earlier.pop_back();
  EXPECT_TRUE(is<GoOn>(after(earlier, {1, 9}, {1, 11})));
}

class AllocationRecords : public ::testing::Test {
 protected:
  tests::TemporaryFolder folder_;
  core::FileSystem& files_ = core::real_file_system();
};

TEST_F(AllocationRecords, come_back_as_they_were_in_order_of_begin) {
  ScriptStart first = run_of(EndCause::kWalltime, 1, 2);
  first.node_list = "n[1-2]";
  first.launcher = "srun";
  first.verdict = "requeued";
  ScriptStart second = silent_run(5);
  second.restart = 1;
  second.begin = kNow + 20s;
  second.given_up = true;
  second.before.steps.reset();
  ScriptStart third = second;
  third.repeat = 1;
  third.begin = kNow + 40s;
  for (const auto& run : {third, second, first}) write_run(files_, folder_.path(), run);
  EXPECT_EQ(read_runs(files_, folder_.path()), (std::vector<ScriptStart>{first, second, third}));
  EXPECT_TRUE(files_.exists(folder_.path() / "run-12-000.json"));
  EXPECT_TRUE(files_.exists(folder_.path() / "run-12-001.json"));
  EXPECT_TRUE(files_.exists(folder_.path() / "run-12-001-1.json"));
}

TEST_F(AllocationRecords, are_ordered_by_slurms_times_where_it_gave_them) {
  // Three nodes whose clocks do not agree; the last record is of a program that did not write SLURM's time.
  ScriptStart first = run_of(EndCause::kWalltime, 1, 2);
  first.begin = kNow + 1h;
  first.slurm_begin = kNow;
  ScriptStart second = first;
  second.restart = 1;
  second.begin = kNow - 1h;
  second.slurm_begin = kNow + 20s;
  ScriptStart third = first;
  third.restart = 2;
  third.begin = kNow + 30s;
  third.slurm_begin.reset();
  for (const auto& run : {third, second, first}) write_run(files_, folder_.path(), run);
  EXPECT_EQ(read_runs(files_, folder_.path()), (std::vector<ScriptStart>{first, second, third}));
}

TEST_F(AllocationRecords, are_written_again_when_the_start_ends) {
  ScriptStart run = silent_run(5);
  write_run(files_, folder_.path(), run);
  run.end = kNow + 1h;
  run.cause = EndCause::kComplete;
  write_run(files_, folder_.path(), run);
  EXPECT_EQ(read_runs(files_, folder_.path()), std::vector<ScriptStart>{run});
}

TEST_F(AllocationRecords, keep_every_cause_by_name) {
  for (int cause = 0; cause <= static_cast<int>(EndCause::kInterrupted); ++cause) {
    const ScriptStart run = run_of(static_cast<EndCause>(cause), 0, 1);
    EXPECT_EQ(run_from_json(to_json(run), "record"), run) << name_of(*run.cause);
  }
}

TEST_F(AllocationRecords, count_once_where_others_have_copied_them) {
  ScriptStart run = run_of(EndCause::kWalltime, 1, 1);
  run.restart = 2;
  write_run(files_, folder_.path(), run);
  for (const char* copy : {"run-12-002 (copy).json", "run-12-002.sync-conflict-20260131.json", "run-12-003.json",
                           "run-12-002-1.json", "run-0012-002.json"})
    std::filesystem::copy_file(folder_ / "run-12-002.json", folder_ / copy);
  EXPECT_EQ(read_runs(files_, folder_.path()), std::vector<ScriptStart>{run});
}

// The start that is missing may be the one that gave the batch up.
TEST_F(AllocationRecords, that_the_store_does_not_give_are_not_passed_over) {
  tests::SickFileSystem files;
  write_run(files, folder_.path(), run_of(EndCause::kWalltime, 1, 2));
  for (const int error : {EIO, ESTALE, ETIMEDOUT}) {
    files.sick = [&](tests::SickFileSystem::Call call, const std::filesystem::path& path) {
      return call == tests::SickFileSystem::kRead && path.filename().string().starts_with("run-") ? error : 0;
    };
    const auto refused = tests::error_of([&] { read_runs(files, folder_.path()); });
    ASSERT_TRUE(refused.has_value()) << error;
    EXPECT_TRUE(refused->is_storage()) << error;
  }
}

TEST_F(AllocationRecords, that_cannot_be_read_are_left_out) {
  const ScriptStart good = run_of(EndCause::kWalltime, 1, 2);
  write_run(files_, folder_.path(), good);
  core::write_atomic(files_, folder_.path() / "run-13-000.json", std::string_view("{\"version\": 1, \"job\""));
  core::write_atomic(files_, folder_.path() / "run-14-000.json", std::string_view(""));
  core::write_atomic(files_, folder_.path() / "intent-000.json", std::string_view("{}"));
  EXPECT_EQ(read_runs(files_, folder_.path()), std::vector<ScriptStart>{good});
  EXPECT_TRUE(read_runs(files_, folder_.path() / "no such batch").empty());
}

TEST_F(AllocationRecords, are_refused_where_a_member_is_missing_unknown_or_of_another_kind) {
  const core::Json good = to_json(run_of(EndCause::kWalltime, 1, 2));
  const auto refused = [](const core::Json& json) {
    const auto read = [&] { run_from_json(json, "run-12-000.json"); };
    return tests::refusal(read, core::ErrorKind::kCorrupt).find("run-12-000.json") != std::string::npos;
  };
  EXPECT_FALSE(refused(good));
  for (const auto& [key, value] : good.items()) {
    core::Json changed = good;
    changed[key] = core::Json::array({1});
    EXPECT_TRUE(refused(changed)) << key << " of another kind";
    changed.erase(key);
    EXPECT_TRUE(refused(changed)) << key << " missing";
  }
  core::Json more = good;
  more["colour"] = "red";
  EXPECT_TRUE(refused(more));
  for (const core::Json& wrong : core::Json::array({{{"version", 4}},
                                                    {{"job", 0}},
                                                    {{"restart", -1}},
                                                    {{"cause", "boredom"}},
                                                    {{"launcher", "orterun"}},
                                                    {{"begin", "yesterday"}}})) {
    core::Json changed = good;
    changed.update(wrong);
    EXPECT_TRUE(refused(changed)) << wrong;
  }
}

// Of 1,250 agents that find their coordinator lost in the same second.
TEST(RequeueTurn, is_the_first_agents_at_once_and_later_for_each_that_may_be_dead) {
  EXPECT_EQ(requeue_turn(0, 1), 0s);
  EXPECT_EQ(requeue_turn(0, 1250), 0s);
  EXPECT_EQ(requeue_turn(1, 2), 10s);
  EXPECT_EQ(requeue_turn(12, 13), 120s);
  EXPECT_EQ(requeue_turn(13, 14), 130s);
  for (const int agents : {2, 14, 50, 1250, 10'000})
    for (int before = 1; before < agents; ++before) {
      const auto apart = requeue_turn(before, agents) - requeue_turn(before - 1, agents);
      EXPECT_GE(apart, std::min<std::chrono::milliseconds>(10s, 10min / agents)) << before << " of " << agents;
      EXPECT_LE(apart, 10s) << before << " of " << agents;
    }
  EXPECT_EQ(requeue_turn(1249, 1250), 12min);
  EXPECT_EQ(requeue_turn(9'999, 10'000), 12min) << "nobody waits longer";
}

}  // namespace
}  // namespace resolute::slurm::allocation_test
