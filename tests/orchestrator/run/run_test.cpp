#include "orchestrator/run/run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <map>
#include <set>
#include <sstream>

#include "core/clock.h"
#include "core/process/process.h"
#include "operations/look/explain.h"
#include "operations/look/status.h"
#include "orchestrator/coordinator/places_aside.h"
#include "orchestrator/launch/bindings.h"
#include "orchestrator/store/durations.h"
#include "orchestrator/store/live.h"
#include "orchestrator/store/requests.h"
#include "tests/orchestrator/support/drive.h"
#include "tests/orchestrator/support/read_journals.h"
#include "tests/orchestrator/support/run_fixture.h"
#include "tests/support/equal.h"
#include "tests/support/refusal.h"

namespace resolute::tests::run_test {
namespace {

using namespace orchestrator;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
namespace fs = std::filesystem;

TEST_F(Run, does_every_job_once_in_order_and_nothing_when_started_again) {
  const auto plan = toy_plan(30, 2);
  RunOutcome outcome = run_here(plan);
  EXPECT_EQ(outcome.succeeded, 30) << log();
  EXPECT_EQ(outcome.exit_code(), 0);
  EXPECT_EQ(all_results(store(), plan), calm_results(plan));
  std::map<std::string, int> ranks;
  for (const Ran& one : ran()) ++ranks[one.job];
  for (const auto& job : plan.jobs) EXPECT_EQ(ranks[job.id.hex], job.slots);
  const auto before = core::monotonic_clock().now();
  outcome = run_here(plan);
  EXPECT_EQ(outcome.skipped, 30);
  EXPECT_EQ(outcome.exit_code(), 0);
  EXPECT_LT(core::monotonic_clock().now() - before, std::chrono::seconds(5));
  EXPECT_FALSE(fs::exists(store() / "suites/toy/journal-000002"));
  const auto status = operations::read_status(core::real_file_system(), experiments::StoreLayout(store()), plan);
  EXPECT_EQ(status.jobs.succeeded, 30);
  EXPECT_FALSE(status.live);
}

TEST_F(Run, adds_only_what_is_missing) {
  EXPECT_EQ(run_here(toy_plan(5, 2)).succeeded, 5);
  const auto outcome = run_here(toy_plan(9, 2));
  EXPECT_EQ(outcome.skipped, 5);
  EXPECT_EQ(outcome.succeeded, 4);
  std::int64_t added = 0, kept = 0;
  for (const Event& event : events_of(read_journals(core::real_file_system(), store() / "suites/toy").at(1))) {
    added += std::holds_alternative<JobAdded>(event) ? 1 : 0;
    if (const auto* known = std::get_if<JobsKept>(&event)) kept += count(known->jobs);
  }
  EXPECT_EQ(added, 4) << "what the journal knows is not written again";
  EXPECT_EQ(kept, 5);
  const auto plan = toy_plan(9, 2);
  fs::remove(experiments::StoreLayout(store()).result_file(plan.jobs[4].id));
  EXPECT_EQ(run_here(plan).succeeded, 1);
}

// Six of a suite's jobs, then all nine, as where results make a plan longer.
RunOptions growing(const fs::path& store, int& plans) {
  RunOptions options = toy_options(store, 2);
  options.policy.back_off_scale = 0;
  options.next_plan = [&plans](const RunOutcome&) -> std::optional<experiments::Plan> {
    if (++plans > 1) return std::nullopt;
    return toy_plan(9, 2);
  };
  return options;
}

TEST_F(Run, goes_on_with_the_next_plan_and_is_patient_with_a_store_that_fails_it) {
  int plans = -2;
  RunOptions options = growing(store(), plans);
  const auto plan = options.next_plan;
  options.next_plan = [&](const RunOutcome& outcome) {
    const auto next = plan(outcome);
    if (plans <= 0) throw core::system_error("x", ENOSPC);
    return next;
  };
  const auto outcome = run_local(toy_plan(6, 2), options);
  EXPECT_EQ(outcome.skipped, 6);
  EXPECT_EQ(outcome.succeeded, 3);
  EXPECT_EQ(plans, 2);
}

TEST_F(Run, tells_when_a_plan_is_its_own) {
  int plans = 0, begun = 0;
  RunOptions options = growing(store(), plans);
  options.begun = [&] { ++begun; };
  run_local(toy_plan(6, 2), options);
  EXPECT_EQ(begun, 2) << "one for each plan";
  run_local(toy_plan(9, 2), options);
  EXPECT_EQ(begun, 3) << "it was done already";
}

TEST_F(Run, a_store_that_stays_away_between_two_plans_ends_it_and_another_failure_at_once) {
  for (const int error : {EIO, EACCES}) {
    int plans = 0;
    RunOptions options = growing(store(), plans);
    options.next_plan = [&](const RunOutcome&) -> std::optional<experiments::Plan> {
      ++plans;
      throw core::system_error("x", error);
    };
    EXPECT_THROW(run_local(toy_plan(1, 1), options), core::RuntimeError);
    EXPECT_EQ(plans, error == EIO ? 9 : 1);
  }
}

TEST_F(Run, a_stop_that_meets_the_last_result_of_a_plan_is_obeyed) {
  behave(fmt::format("trap '' TERM; kill -TERM {}; sleep 0.3", ::getpid()));
  int plans = 0;
  const auto outcome = run_local(toy_plan(1, 1), growing(store(), plans));
  EXPECT_EQ(outcome.succeeded, 1) << log();
  EXPECT_FALSE(outcome.interrupted);
  EXPECT_TRUE(outcome.stopped);
  EXPECT_EQ(plans, 0);
}

// Two shards, two trainings that need both, an evaluation of each.
experiments::Plan plan_of_all_kinds() {
  experiments::Plan plan;
  plan.suite = "toy";
  const auto add = [&](experiments::JobSpecification specification, std::vector<experiments::JobId> after) {
    experiments::PlannedJob job;
    job.specification = std::move(specification);
    job.id = experiments::job_id(job.specification);
    job.label = experiments::kind_name(job.specification);
    job.after = std::move(after);
    plan.jobs.push_back(job);
    return job.id;
  };
  settings::PackSettings pack;
  pack.name = "easy";
  pack.source = settings::Source::kMarket1501;
  const std::vector<experiments::JobId> shards{add(experiments::ShardSpecification{pack, 0}, {}),
                                               add(experiments::ShardSpecification{pack, 1}, {})};
  for (const std::uint64_t seed : {0U, 1U}) {
    experiments::TrainingSpecification training;
    training.method = experiments::BaselineOptions{};
    training.pack = pack;
    training.seed = seed;
    const auto trained = add(training, shards);
    add(experiments::EvaluationSpecification{trained, pack, {}, {}}, {trained});
  }
  return plan;
}

TEST_F(Run, runs_of_a_kind_each_wait_for_one_another_and_make_together_what_one_makes) {
  const auto plan = plan_of_all_kinds();
  const auto start_kind = [&](std::set<settings::JobKind> kinds, int allocation) {
    const pid_t process = ::fork();
    if (process != 0) return process;
    RunOptions options = toy_options(store(), 2);
    options.kinds = std::move(kinds);
    options.allocation = allocation;
    try {
      ::_exit(run_local(plan, options).exit_code());
    } catch (...) {
      ::_exit(99);
    }
  };
  const pid_t evaluations = start_kind({settings::JobKind::kEvaluation}, 3);
  const pid_t trainings = start_kind({settings::JobKind::kTraining}, 2);
  const pid_t packs = start_kind({settings::JobKind::kPack}, 1);
  for (const pid_t process : {packs, trainings, evaluations}) EXPECT_EQ(wait_for(process), 0) << log();
  EXPECT_EQ(all_results(store(), plan), calm_results(plan));
  std::map<std::string, int> ran_times;
  for (const Ran& one : ran()) ++ran_times[one.job];
  EXPECT_EQ(ran_times.size(), plan.jobs.size());
  for (const auto& [job, times] : ran_times) EXPECT_EQ(times, 1) << job;
}

TEST_F(Run, a_run_of_a_kind_that_finds_nothing_to_do_ends_after_its_limit_and_has_done_nothing) {
  RunOptions options = toy_options(store(), 2);
  options.kinds = {settings::JobKind::kTraining, settings::JobKind::kEvaluation};
  options.policy.idle_limit = std::chrono::milliseconds(200);
  const RunOutcome outcome = run_local(plan_of_all_kinds(), options);
  EXPECT_EQ(outcome.exit_code(), 75);
  EXPECT_EQ(outcome.unfinished, 4);
  EXPECT_EQ(outcome.elsewhere, 2);
  EXPECT_THAT(ran(), testing::IsEmpty());
  EXPECT_THAT(log(), HasSubstr("run ended: idle (nothing to do for "));
}

TEST_F(Run, failures_have_cause_and_evidence_and_leave_the_rest_done) {
  behave(R"(if grep -q '"steps":1001' "$spec"; then echo "resolute-worker: key 'x' is wrong" >&2; exit 2; fi
if grep -q '"steps":1004' "$spec"; then echo "resolute-worker: it broke" >&2; exit 1; fi
if grep -q '"steps":1006' "$spec"; then rank=1; fi)");
  const auto plan = toy_plan(9, 2);
  const auto outcome = run_here(plan);
  EXPECT_EQ(outcome.exit_code(), 3);
  EXPECT_EQ(outcome.failed, 3);
  EXPECT_EQ(outcome.cancelled, 2);
  EXPECT_EQ(outcome.succeeded, 4);
  ASSERT_EQ(outcome.failures.size(), 5U);
  EXPECT_EQ(outcome.failures[0].cause, "configuration");
  EXPECT_THAT(outcome.failures[0].evidence, HasSubstr("exit code 2: resolute-worker: key 'x' is wrong"));
  EXPECT_EQ(outcome.failures[1].cause, "needs-failed");
  EXPECT_EQ(outcome.failures[2].cause, "exit-code");
  EXPECT_THAT(outcome.failures[4].evidence, HasSubstr("no result.json"));
  std::map<std::string, int> attempts;
  for (const Ran& one : ran()) attempts[one.job] = std::max(attempts[one.job], one.attempt);
  EXPECT_EQ(attempts[plan.jobs[1].id.hex], 1);
  EXPECT_EQ(attempts[plan.jobs[4].id.hex], 3);
  const auto status = operations::read_status(core::real_file_system(), experiments::StoreLayout(store()), plan);
  EXPECT_EQ(status.failures, outcome.failures);
  EXPECT_EQ(status.jobs.failed, 3);
  behave("");
  EXPECT_EQ(run_here(plan).exit_code(), 0);
  EXPECT_EQ(all_results(store(), plan), calm_results(plan));
}

TEST_F(Run, a_killed_rank_of_a_gang_is_tried_again_whole) {
  behave(R"(if [ "$ranks" = 2 ] && [ "$attempt" = 1 ]; then if [ "$rank" = 1 ]; then kill -9 $$; fi; sleep 100; fi)");
  const auto plan = toy_plan(4, 2);
  EXPECT_EQ(run_here(plan).exit_code(), 0);
  EXPECT_THAT(log(), AllOf(HasSubstr("process rank 1 was killed by signal 9"),
                           testing::ContainsRegex("toy 3 .* succeeded in attempt 2")));
}

// Its bits are the same.
TEST_F(Run, a_training_that_ran_out_of_memory_is_tried_again_in_less) {
  behave(R"sh(echo "$job $attempt $arguments" >> "$store/seen"
if [ "$attempt" = 1 ] && grep -q '"steps":1001' "$spec"; then echo "the GPU is out of memory (x)" >&2; exit 1; fi
if [ "$attempt" = 1 ] && grep -q '"steps":1002' "$spec"; then echo "it broke" >&2; exit 1; fi)sh");
  const auto plan = toy_plan(4, 1);
  EXPECT_EQ(run_here(plan).exit_code(), 0) << log();
  std::map<std::pair<std::string, int>, bool> recomputes;
  std::istringstream lines(text("seen"));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::pair<std::string, int> attempt;
    words >> attempt.first >> attempt.second;
    recomputes[attempt] = line.find(" --recompute") != std::string::npos;
  }
  const std::string &short_of_memory = plan.jobs[1].id.hex, &broken = plan.jobs[2].id.hex;
  EXPECT_FALSE(recomputes.at({short_of_memory, 1}));
  EXPECT_TRUE(recomputes.at({short_of_memory, 2}));
  EXPECT_FALSE(recomputes.at({broken, 2})) << "another cause";
}

TEST_F(Run, only_and_max_jobs_limit_what_is_run) {
  const auto plan = toy_plan(9, 2);
  RunOptions options = toy_options(store(), 2);
  options.only = "numbers/row-5";
  RunOutcome outcome = run_local(plan, options);
  EXPECT_EQ(outcome.succeeded, 2);
  EXPECT_EQ(outcome.exit_code(), 0);
  options.only.reset();
  options.max_jobs = 3;
  outcome = run_local(plan, options);
  EXPECT_EQ(outcome.succeeded, 3);
  EXPECT_EQ(outcome.unfinished, 4);
  EXPECT_EQ(outcome.exit_code(), 3);
  options.only = "no-such-row";
  EXPECT_THROW(run_local(plan, options), core::RuntimeError);
}

TEST_F(Run, what_cannot_work_is_said_before_any_job_starts) {
  const auto plan = toy_plan(3, 2);
  RunOptions options = toy_options(store(), 2);
  options.worker_command = {(store() / "no-worker").string()};
  EXPECT_THAT([&] { run_local(plan, options); },
              tests::fails(core::ErrorKind::kInput, HasSubstr("no-worker' cannot be run (no such file")));
  options = toy_options(store(), 2);
  options.store = store() / "worker" / "store";  // below a file: nothing can be written there, not even by root
  EXPECT_THAT([&] { run_local(plan, options); }, tests::fails(core::ErrorKind::kInput));
  EXPECT_FALSE(fs::exists(store() / "ran"));
  EXPECT_FALSE(fs::exists(store() / "suites"));
}

TEST_F(Run, slots_follow_what_slurm_gave_unless_they_are_asked_for) {
  const int cores = static_cast<int>(read_inventory({}).cores.size());
  if (cores == 1) GTEST_SKIP() << "one core is one slot";
  std::string messages;
  const auto joined = [&](int number, int slots) {
    testing::internal::CaptureStderr();
    EXPECT_EQ(run_here(toy_plan(number, 1), slots).exit_code(), 0) << log();
    messages = testing::internal::GetCapturedStderr();
    const std::string text = log();
    return text.substr(text.rfind(" joined ("));
  };
  ::unsetenv("SLURM_CPUS_ON_NODE");
  EXPECT_THAT(joined(1, 0), HasSubstr(fmt::format(", {} slots", cores)));
  EXPECT_THAT(messages, Not(HasSubstr("SLURM gave")));
  ::setenv("SLURM_CPUS_ON_NODE", "1", 1);
  EXPECT_THAT(joined(2, 0), HasSubstr(", 1 slots"));
  EXPECT_THAT(messages, HasSubstr(fmt::format("SLURM gave one of {} processors", cores)));
  EXPECT_THAT(joined(3, 7), HasSubstr(", 7 slots"));
  EXPECT_THAT(messages, Not(HasSubstr("SLURM gave")));
  ::unsetenv("SLURM_CPUS_ON_NODE");
}

TEST_F(Run, a_signal_stops_in_order_and_the_next_run_goes_on) {
  behave("sleep 0.2 & wait $!");
  const auto plan = toy_plan(20, 2);
  const pid_t process = start(20, 2, 2);
  ASSERT_TRUE(eventually([&] { return ran().size() >= 4; }));
  ::kill(process, SIGTERM);
  EXPECT_EQ(wait_for(process), 75);
  EXPECT_THAT(log(), AllOf(HasSubstr("stop requested (signal 15)"), HasSubstr("exited with 75"),
                           HasSubstr("run ended: interrupted")));
  behave("");
  const int done = results_there(plan);
  const auto outcome = run_here(plan);
  EXPECT_GT(outcome.skipped, 0);
  EXPECT_EQ(outcome.skipped, done);
  EXPECT_EQ(outcome.exit_code(), 0);
  EXPECT_EQ(all_results(store(), plan), calm_results(plan));
}

// Is over within the time, though its spawner is stopped; ended if it is not.
bool ends_within(pid_t process, pid_t stopped_spawner, std::chrono::seconds limit) {
  if (eventually([&] { return gone(process); }, limit)) return true;
  ::kill(process, SIGKILL);
  ::kill(stopped_spawner, SIGCONT);
  return false;
}

TEST_F(Run, a_second_signal_ends_a_run_whose_ranks_cannot_be_ended) {
  behave("sleep 100");
  ::setenv("RESOLUTE_TEST_UNKILLABLE", "500", 1);
  const pid_t process = start(2, 1, 2);
  ::unsetenv("RESOLUTE_TEST_UNKILLABLE");
  ASSERT_TRUE(eventually([&] { return ran().size() == 2; })) << text("log");
  const pid_t spawner = parent_of(ran()[0].process);
  ::kill(spawner, SIGSTOP);
  ::kill(process, SIGTERM);
  ASSERT_TRUE(eventually([&] { return text("log").find("stopping: signal 15") != std::string::npos; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  ::kill(process, SIGTERM);
  EXPECT_TRUE(ends_within(process, spawner, std::chrono::seconds(20))) << log();
  EXPECT_EQ(wait_for(process), 75);
  EXPECT_THAT(log(), AllOf(HasSubstr("cannot be ended and is given up"), HasSubstr("ended: unkillable")));
  EXPECT_TRUE(eventually([&] { return gone(ran()[0].process) && gone(ran()[1].process); }));
}

TEST_F(Run, a_job_that_cannot_be_ended_costs_its_host_and_is_done_elsewhere) {
  if (std::system("unshare -u true") != 0) GTEST_SKIP() << "unshare is not permitted here";
  behave(R"(if [ "$attempt" = 1 ]; then sleep 100; fi)");
  ::setenv("RESOLUTE_TEST_NO_PROGRESS", "1500", 1);
  ::setenv("RESOLUTE_TEST_UNKILLABLE", "2500", 1);
  // The second agent is on a host of another name.
  auto launcher = mpirun(3);
  launcher.insert(launcher.end(), {"sh", "-c", R"(if [ "$OMPI_COMM_WORLD_RANK" != 2 ]; then exec "$@"; fi
exec unshare -u sh -c 'hostname elsewhere; exec "$@"' sh "$@")",
                                   "sh"});
  const pid_t process = start(2, 1, 1, launcher);
  ::unsetenv("RESOLUTE_TEST_NO_PROGRESS");
  ::unsetenv("RESOLUTE_TEST_UNKILLABLE");
  ASSERT_TRUE(eventually([&] { return ran().size() == 2; })) << text("log");
  const pid_t spawner = parent_of(ran()[0].process);
  ASSERT_NE(spawner, parent_of(ran()[1].process));
  ::kill(spawner, SIGSTOP);
  EXPECT_TRUE(ends_within(process, spawner, std::chrono::seconds(60))) << log();
  EXPECT_EQ(wait_for(process), 0) << text("log");
  const auto plan = toy_plan(2, 1);
  EXPECT_EQ(all_results(store(), plan), calm_results(plan));
  EXPECT_THAT(log(), AllOf(HasSubstr("cannot be ended there"), HasSubstr("ended: unkillable"),
                           HasSubstr("ended: no-progress")));
  EXPECT_THAT(text("log"), HasSubstr("nothing more is started on"));
  for (const Ran& one : ran()) EXPECT_TRUE(eventually([&] { return gone(one.process); })) << one.process;
}

TEST_F(Run, a_killed_coordinator_leaves_no_process_and_the_next_run_goes_on) {
  behave("sleep 0.1");
  const auto plan = toy_plan(20, 2);
  const pid_t process = start(20, 2, 2);
  ASSERT_TRUE(eventually([&] { return ran().size() >= 5; }));
  ::kill(process, SIGKILL);
  EXPECT_EQ(wait_for(process), 128 + SIGKILL);
  EXPECT_TRUE(eventually([&] {
    for (const Ran& one : ran())
      if (!gone(one.process)) return false;
    return true;
  }));
  behave("");
  const int done = results_there(plan);
  const auto outcome = run_here(plan);
  EXPECT_GT(outcome.skipped, 0);
  EXPECT_EQ(outcome.skipped, done) << "finished work is never done twice";
  EXPECT_EQ(outcome.exit_code(), 0);
  EXPECT_EQ(all_results(store(), plan), calm_results(plan));
}

TEST_F(Run, a_second_run_of_a_live_suite_is_refused) {
  behave("sleep 1");
  const auto plan = toy_plan(4, 2);
  const pid_t process = start(4, 2, 2);
  ASSERT_TRUE(eventually([&] { return !ran().empty(); }));
  EXPECT_THAT([&] { run_here(plan); }, tests::fails(HasSubstr("is being run already"))) << "two runs of one suite";
  EXPECT_EQ(wait_for(process), 0);
}

TEST_F(Run, requests_of_users_reach_a_run_at_work) {
  behave("sleep 0.2");
  auto& files = core::real_file_system();
  const auto plan = toy_plan(12, 2);
  const auto suite = store() / "suites/toy";
  pid_t process = start(12, 2, 2);
  ASSERT_TRUE(eventually([&] { return ran().size() >= 2; }));
  write_request(files, suite, 1, CancelJob{plan.jobs[11].id});
  write_request(files, suite, 1, CancelJob{{std::string(64, '0')}});
  write_request(files, suite, 1, DrainHost{"nowhere", true});
  EXPECT_EQ(wait_for(process), 3) << text("log");
  EXPECT_FALSE(fs::exists(experiments::StoreLayout(store()).result_file(plan.jobs[11].id)));
  EXPECT_TRUE(fs::exists(experiments::StoreLayout(store()).result_file(plan.jobs[10].id)));
  EXPECT_THAT(log(), AllOf(HasSubstr("cancelled by"), HasSubstr("drained by")));
  EXPECT_THAT(text("log"), HasSubstr("which is not in this run"));
  EXPECT_TRUE(files.list(suite / "requests").empty());
  fs::remove_all(store() / "jobs");
  write_request(files, suite, 1, StopRun{});  // left over: not for the run that begins now
  process = start(12, 2, 2);
  ASSERT_TRUE(eventually([&] { return fs::exists(suite / "journal-000002"); }));
  const auto before = ran().size();
  EXPECT_TRUE(eventually([&] { return ran().size() >= before + 4; }));
  EXPECT_THAT(text("log"), HasSubstr("it was meant for run 1, this is run 2"));
  EXPECT_TRUE(operations::read_status(files, experiments::StoreLayout(store()), plan).live);
  write_request(files, suite, 2, StopRun{});
  EXPECT_EQ(wait_for(process), 75) << text("log");
}

TEST_F(Run, a_job_without_a_sign_of_life_is_started_anew) {
  behave(R"(if grep -q '"steps":1001' "$spec" && [ "$attempt" = 1 ]; then sleep 100; fi)");
  const auto plan = toy_plan(3, 1);
  RunOptions options = toy_options(store(), 2);
  options.no_progress_limit = std::chrono::milliseconds(500);
  options.policy.stop_grace = std::chrono::milliseconds(100);
  EXPECT_EQ(run_local(plan, options).exit_code(), 0);
  EXPECT_THAT(log(), AllOf(HasSubstr("no line of progress"), HasSubstr("no-progress")));
  EXPECT_EQ(all_results(store(), plan), calm_results(plan));
}

TEST_F(Run, first_names_what_is_started_before_all_else) {
  const auto plan = toy_plan(9, 1);
  RunOptions options = toy_options(store(), 1);
  options.first = "numbers/row-5";
  EXPECT_EQ(run_local(plan, options).exit_code(), 0);
  ASSERT_EQ(ran().size(), 9U);
  EXPECT_EQ(ran()[0].job, plan.jobs[4].id.hex);
  EXPECT_EQ(ran()[1].job, plan.jobs[5].id.hex);
  options.first = "no-such-row";
  EXPECT_EQ(run_local(plan, options).skipped, 9);
  fs::remove_all(store() / "jobs");
  EXPECT_THROW(run_local(plan, options), core::RuntimeError);
  EXPECT_FALSE(fs::exists(store() / "suites/toy/journal-000002"));
}

TEST_F(Run, a_training_on_a_gpu_and_its_evaluation_see_one_and_no_other_job_does) {
  auto plan = toy_plan(2, 1);
  auto training = std::get<experiments::TrainingSpecification>(plan.jobs[1].specification);
  training.device = settings::Device::kCuda;
  plan.jobs[1].specification = training;
  plan.jobs[1].id = experiments::job_id(training);
  for (int i = 0; i < 2; ++i) {
    experiments::EvaluationSpecification evaluation;
    evaluation.training = plan.jobs[static_cast<std::size_t>(i)].id;
    plan.jobs.push_back({experiments::job_id(evaluation), evaluation, {evaluation.training}, 1, "evaluation"});
  }
  // An evaluation of the same training, on the CPU.
  auto elsewhere = std::get<experiments::EvaluationSpecification>(plan.jobs.back().specification);
  elsewhere.protocol.device = settings::EvaluationDevice::kCpu;
  plan.jobs.push_back({experiments::job_id(elsewhere), elsewhere, {elsewhere.training}, 1, "evaluation"});
  behave(R"(echo "$job ${CUDA_VISIBLE_DEVICES-unset}" >> "$store/seen")");
  RunOptions options = toy_options(store(), 2);
  options.gpus = 1;
  EXPECT_EQ(run_local(plan, options).succeeded, 5) << log();
  for (std::size_t i = 0; i < plan.jobs.size(); ++i)
    EXPECT_THAT(text("seen"), HasSubstr(plan.jobs[i].id.hex + (i % 2 == 1 ? " 0\n" : " \n")));
}

// Trainings that do not need one another.
experiments::Plan plan_on_gpus(int jobs) {
  auto plan = toy_plan(jobs, 1);
  for (auto& job : plan.jobs) {
    auto training = std::get<experiments::TrainingSpecification>(job.specification);
    training.device = settings::Device::kCuda;
    job.specification = training;
    job.id = experiments::job_id(training);
    job.after.clear();
  }
  plan.tables.clear();
  return plan;
}

TEST_F(Run, a_bad_gpu_of_eight_costs_no_training) {
  const auto plan = plan_on_gpus(40);
  behave(R"(echo "$CUDA_VISIBLE_DEVICES" >> "$store/seen"
if [ "$CUDA_VISIBLE_DEVICES" = 0 ]; then echo "CUDA error: uncorrectable ECC error encountered" >&2; exit 1; fi
sleep 0.3)");
  RunOptions options = toy_options(store(), 8);
  options.gpus = 8;
  EXPECT_EQ(run_local(plan, options).succeeded, 40) << log();
  std::istringstream seen(text("seen"));
  int bad = 0;
  for (std::string gpu; seen >> gpu;) bad += gpu == "0" ? 1 : 0;
  EXPECT_GE(bad, 2);
  EXPECT_LE(bad, 12);
  EXPECT_THAT(log(), HasSubstr("GPU 0 of agent 0 set aside (0 of "));
}

// A rank writes which GPU it has when it begins and ends. Each ends once it has seen as many others as can be there.
TEST_F(Run, jobs_share_gpus_and_the_ranks_of_a_gang_do_not) {
  auto plan = plan_on_gpus(9);
  plan.jobs[0].slots = 2;
  behave(R"(echo "+ $job $CUDA_VISIBLE_DEVICES" >> "$store/seen"
sleep 0.3
echo "- $job $CUDA_VISIBLE_DEVICES" >> "$store/seen")");
  RunOptions options = toy_options(store(), 1);
  options.gpus = 2;
  options.jobs_per_gpu = 2;
  EXPECT_EQ(run_local(plan, options).succeeded, 9) << log();
  std::istringstream seen(text("seen"));
  std::map<std::string, int> at_work, most;
  std::multiset<std::string> of_gang;
  for (std::string sign, job, gpu; seen >> sign >> job >> gpu;) {
    at_work[gpu] += sign == "+" ? 1 : -1;
    most[gpu] = std::max(most[gpu], at_work[gpu]);
    if (sign == "+" && job == plan.jobs[0].id.hex) of_gang.insert(gpu);
  }
  EXPECT_EQ(of_gang, (std::multiset<std::string>{"0", "1"}));
  EXPECT_EQ(most, (std::map<std::string, int>{{"0", 2}, {"1", 2}}));
  EXPECT_THAT(log(), HasSubstr("agent 0 gives each of its 2 GPUs to 2 jobs at once"));
}

// GPU 1 computes other bits, GPU 2 cannot be burned in, GPU 3 is slow.
TEST_F(Run, a_gpu_that_burns_in_with_other_bits_gets_no_job) {
  core::write_atomic(core::real_file_system(), store() / "burning",
                     fmt::format(R"(#!/bin/sh
if [ "$1" = describe ]; then echo '{{"numeric_class":"all alike"}}'; exit; fi
if [ "$1" != burn-in ]; then exec "{}" "$@"; fi
echo "$*" >> "{}"
case "$CUDA_VISIBLE_DEVICES" in 1) digest=bbbb ;; *) digest=aaaa ;; esac
if [ "$CUDA_VISIBLE_DEVICES" = 2 ]; then echo 'the GPU has fallen off the bus' >&2; exit 1; fi
if [ "$CUDA_VISIBLE_DEVICES" = 3 ]; then images=100; else images=1000; fi
echo "{{\"digest\":\"$digest\",\"free_mib\":8000,\"images_a_minute\":$images}}"
)",
                                 (store() / "worker").string(), (store() / "burned").string()));
  ::chmod((store() / "burning").c_str(), 0755);
  behave(R"(echo "$CUDA_VISIBLE_DEVICES" >> "$store/seen"; sleep 0.1)");
  RunOptions options = toy_options(store(), 6);
  options.worker_command = {(store() / "burning").string()};
  options.gpus = 6;
  options.burn_in = BurnInLength::kQuick;
  testing::internal::CaptureStderr();
  EXPECT_EQ(run_local(plan_on_gpus(20), options).succeeded, 20);
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              HasSubstr("GPU 3 of " + core::host_name() + " trained on 100 images a minute, most of its kind 1000"));
  const std::string burned = text("burned");
  EXPECT_EQ(6, std::count(burned.begin(), burned.end(), '\n'));
  EXPECT_THAT(burned, HasSubstr("burn-in cuda 10\n"));
  for (const char* gpu : {"0\n", "3\n", "4\n", "5\n"}) EXPECT_THAT(text("seen"), HasSubstr(gpu));
  for (const char* gpu : {"1\n", "2\n"}) EXPECT_THAT(text("seen"), Not(HasSubstr(gpu)));
  EXPECT_THAT(log(), HasSubstr("burn-in computed other bits than 4 of 6 of its numeric class"));
  EXPECT_THAT(log(), HasSubstr("burn-in failed: the GPU has fallen off the bus"));
}

// Every training is repeated by the next elsewhere; GPU 1 computes other bits, whoever trained. `repro` itself is
// tested by its own command.
TEST_F(Run, first_steps_that_a_gpu_repeats_with_other_bits_set_it_aside) {
  core::write_atomic(core::real_file_system(), store() / "repro", R"(#!/bin/sh
if [ "$1 $3 $5 $6" != "repro --store --steps 10" ]; then echo "$* is no repro" >&2; exit 2; fi
job="$2"; store="$4"; not=; shift 6
if [ "$1" = --not-on ]; then not="$2"; shift 2; fi
[ "$1" = --then ] && shift
case ",$not," in *",$CUDA_VISIBLE_DEVICES,"*) echo '{"repeat":{"left_out":true}}' >&3; exec "$@" ;; esac
echo "$job $CUDA_VISIBLE_DEVICES" >> "$store/repeated"
case "$CUDA_VISIBLE_DEVICES" in 1) digest=bbbb ;; *) digest=aaaa ;; esac
echo "{\"repeat\":{\"digest\":\"$digest\",\"gpu\":\"$CUDA_VISIBLE_DEVICES\",\"recorded\":\"aaaa\",\"took_ms\":700}}" >&3
exec "$@"
)");
  ::chmod((store() / "repro").c_str(), 0755);
  core::write_atomic(core::real_file_system(), store() / "describing",
                     fmt::format(R"(#!/bin/sh
if [ "$1" = describe ]; then echo '{{"numeric_class":"all alike"}}'; exit; fi
exec "{}" "$@"
)",
                                 (store() / "worker").string()));
  ::chmod((store() / "describing").c_str(), 0755);
  behave("sleep 0.2");
  RunOptions options = toy_options(store(), 4);
  options.worker_command = {(store() / "describing").string()};
  options.gpus = 4;
  options.repeat_share = 1;
  options.repeat_program = {(store() / "repro").string()};
  testing::internal::CaptureStderr();
  EXPECT_EQ(run_local(plan_on_gpus(30), options).succeeded, 30);
  const std::string warnings = testing::internal::GetCapturedStderr();
  EXPECT_THAT(warnings, HasSubstr("were not repeated")) << "nothing began after the last ones";
  EXPECT_THAT(warnings, HasSubstr("other bits, its result is doubtful"));
  EXPECT_THAT(log(), HasSubstr("GPU 1 of agent 0 set aside (GPU 1 of "));
  EXPECT_THAT(log(), HasSubstr("had its first steps done again on GPU"));
  std::set<std::string> repeated;
  std::istringstream lines(text("repeated"));
  int on_the_bad = 0;
  for (std::string job, gpu; lines >> job >> gpu;) {
    on_the_bad += gpu == "1" ? 1 : 0;
    repeated.insert(job);
  }
  EXPECT_GE(repeated.size(), 8U);
  EXPECT_GE(on_the_bad, 1);
  EXPECT_LE(on_the_bad, 4) << "it gets no work from then on";
  const auto places = places_aside(core::real_file_system(), experiments::StoreLayout(store()), "toy");
  ASSERT_EQ(1U, places.size());
  EXPECT_EQ("1", places.front().gpu);
}

TEST_F(Run, an_allocation_that_ends_interrupts_the_run_before) {
  behave("sleep 20 & wait $!");
  RunOptions options = toy_options(store(), 2);
  options.policy.stop_lead = std::chrono::milliseconds(500);
  options.ends_at = std::chrono::time_point_cast<Milliseconds>(std::chrono::system_clock::now()) + Milliseconds(1500);
  const auto outcome = run_local(toy_plan(4, 1), options);
  EXPECT_EQ(outcome.exit_code(), 75);
  EXPECT_EQ(outcome.unfinished, 4);
  EXPECT_THAT(log(), HasSubstr("walltime"));
}

TEST_F(Run, what_it_does_is_shown_while_it_lives_and_how_long_it_took_is_kept) {
  behave(R"(echo '{"images_per_second":20.5,"loss":-3.5,"step":1,"steps":4}' >&$fd; sleep 0.4)");
  auto& files = core::real_file_system();
  const auto suite = store() / "suites/toy";
  const pid_t process = start(4, 2, 2);
  std::optional<LiveStatus> live;
  EXPECT_TRUE(eventually([&] {
    live = read_live(files, suite);
    return live && !live->running.empty() && live->running.front().step == 1;
  }));
  ASSERT_TRUE(live);
  ASSERT_EQ(live->agents.size(), 1U);
  EXPECT_EQ(live->agents[0].slots, 2);
  ASSERT_FALSE(live->running.empty());
  EXPECT_EQ(live->running[0].loss, -3.5);
  EXPECT_EQ(live->running[0].steps, 4);
  EXPECT_EQ(live->running[0].hosts.size(), 1U);
  EXPECT_GT(live->running[0].seconds_left, 0);
  EXPECT_EQ(wait_for(process), 0) << text("log");
  EXPECT_FALSE(fs::exists(suite / "live.json"));
  const auto plan = toy_plan(4, 2);
  for (const auto& path : expected_paths(plan, Durations::read(files, experiments::StoreLayout(store())))) {
    EXPECT_TRUE(path.learned);
    EXPECT_GE(path.expected_ms, 300);
  }
}

TEST_F(Run, goes_on_in_further_epochs_while_others_read_them) {
  behave("sleep 0.02");
  const auto plan = toy_plan(60, 2);
  const auto suite = store() / "suites/toy";
  const experiments::StoreLayout layout(store());
  auto& files = core::real_file_system();
  int looks = 0;
  RunOptions options = toy_options(store(), 4);
  options.epoch_length = 4096;
  const pid_t process = ::fork();
  if (process == 0) {
    try {
      ::_exit(run_local(plan, options).exit_code());
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
      ::_exit(1);
    }
  }
  ASSERT_TRUE(eventually([&] { return !ran().empty(); }));
  while (!gone(process)) {
    EXPECT_NO_THROW({
      log();
      operations::read_status(files, layout, plan);
      operations::explain(files, layout, plan.jobs[50].id.hex, "toy", Instant{});
    });
    ++looks;
  }
  EXPECT_EQ(wait_for(process), 0);
  EXPECT_GT(looks, 3);
  EXPECT_EQ(all_results(store(), plan), calm_results(plan));
  EXPECT_TRUE(fs::exists(suite / "journal-000005"));
  EXPECT_FALSE(fs::exists(suite / "journal-000001")) << "nothing was compacted";
  EXPECT_EQ(operations::read_status(files, layout, plan).jobs.succeeded, 60);
  EXPECT_THAT(log(), HasSubstr("run ended: complete"));
  EXPECT_EQ(ran().size(), 75U);
}

TEST_F(Run, log_as_json_lines_can_be_parsed) {
  run_here(toy_plan(2, 1));
  std::ostringstream to;
  operations::print_log(core::real_file_system(), experiments::StoreLayout(store()), "toy",
                        {.format = operations::LogFormat::kJsonLines}, to);
  std::istringstream lines(to.str());
  std::set<std::string> types;
  for (std::string line; std::getline(lines, line);)
    types.insert(core::parse_json(line, "log").at("type").get<std::string>());
  EXPECT_TRUE(types.contains("placed") && types.contains("run-ended"));
  EXPECT_THROW(operations::print_log(core::real_file_system(), experiments::StoreLayout(store()), "other", {}, to),
               core::RuntimeError);
}

class MpiRun : public Run, public testing::WithParamInterface<int> {};

TEST_P(MpiRun, does_every_job_and_nothing_when_started_again) {
  const auto plan = toy_plan(30, 2);
  EXPECT_EQ(wait_for(start(30, 2, 2, mpirun(GetParam()))), 0) << text("log");
  EXPECT_EQ(all_results(store(), plan), calm_results(plan));
  const auto count = ran().size();
  const auto before = core::monotonic_clock().now();
  EXPECT_EQ(wait_for(start(30, 2, 2, mpirun(GetParam()))), 0) << text("log");
  EXPECT_LT(core::monotonic_clock().now() - before, std::chrono::seconds(10));  // 0.5 s alone on the machine
  EXPECT_EQ(ran().size(), count);
}

INSTANTIATE_TEST_SUITE_P(Processes, MpiRun, testing::Values(1, 2, 3));

TEST_F(Run, mpi_gangs_span_agents_and_exit_codes_reach_the_launcher) {
  behave(R"(if grep -q '"steps":1000' "$spec"; then exit 2; fi)");
  EXPECT_EQ(wait_for(start(4, 2, 1, mpirun(3))), 3) << text("log");
  EXPECT_THAT(log(), testing::ContainsRegex("\\(agent 0, 1 slot\\), .* \\(agent 1, 1 slot\\)"));
  EXPECT_THAT(text("ran"), HasSubstr(" 127.0.0.1:"));
}

TEST_F(Run, mpi_coordinator_serves_beside_the_agents_of_other_hosts) {
  const auto plan = toy_plan(20, 4);
  ::setenv("RESOLUTE_TEST_SERVE", "1", 1);
  EXPECT_EQ(wait_for(start(20, 4, 2, mpirun(2))), 0) << text("log");
  ::unsetenv("RESOLUTE_TEST_SERVE");
  EXPECT_EQ(all_results(store(), plan), calm_results(plan));
  EXPECT_THAT(log(), testing::ContainsRegex("\\(agent 0, 2 slots\\), .* \\(agent 1, 2 slots\\)"));
}

TEST_F(Run, mpi_killed_agent_is_missed_and_its_jobs_run_elsewhere) {
  behave("sleep 0.05");
  const auto plan = toy_plan(30, 2);
  const pid_t launcher = start(30, 2, 2, mpirun(3, true));
  ASSERT_TRUE(eventually([&] { return ran().size() >= 6; }));
  ::kill(process_of(2), SIGKILL);
  EXPECT_EQ(wait_for(launcher), 0) << text("log");
  EXPECT_EQ(all_results(store(), plan), calm_results(plan));
  EXPECT_THAT(log(), HasSubstr("no sign of life"));
  for (const Ran& one : ran()) EXPECT_TRUE(gone(one.process));
}

TEST_F(Run, mpi_stopped_agent_that_goes_on_joins_anew) {
  behave("sleep 0.1");
  const auto plan = toy_plan(40, 2);
  const pid_t launcher = start(40, 2, 2, mpirun(3, true));
  ASSERT_TRUE(eventually([&] { return ran().size() >= 6; }));
  ::kill(process_of(2), SIGSTOP);
  ASSERT_TRUE(eventually([&] { return log().find("lost") != std::string::npos; }));
  ::kill(process_of(2), SIGCONT);
  EXPECT_EQ(wait_for(launcher), 0) << text("log");
  EXPECT_EQ(all_results(store(), plan), calm_results(plan)) << text("log");
  EXPECT_THAT(log(), HasSubstr("agent 2 joined"));
}

TEST_F(Run, mpi_killed_coordinator_takes_all_down_and_the_next_run_goes_on) {
  behave("sleep 0.1");
  const auto plan = toy_plan(30, 2);
  const pid_t launcher = start(30, 2, 2, mpirun(3));
  ASSERT_TRUE(eventually([&] { return ran().size() >= 6; }));
  const std::vector<pid_t> processes{process_of(0), process_of(1), process_of(2)};
  ::kill(processes[0], SIGKILL);
  EXPECT_NE(wait_for(launcher), 0);
  for (pid_t process : processes) EXPECT_TRUE(eventually([&] { return gone(process); }));
  for (const Ran& one : ran()) EXPECT_TRUE(eventually([&] { return gone(one.process); }));
  behave("");
  EXPECT_EQ(wait_for(start(30, 2, 2, mpirun(3))), 0) << text("log");
  EXPECT_EQ(all_results(store(), plan), calm_results(plan));
  EXPECT_TRUE(fs::exists(store() / "suites/toy/journal-000002"));
  EXPECT_THAT(log(), HasSubstr("coordinator-lost"));
}

}  // namespace

}  // namespace resolute::tests::run_test
