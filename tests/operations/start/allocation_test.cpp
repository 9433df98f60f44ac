#include "operations/start/allocation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <deque>
#include <map>

#include "core/log.h"
#include "operations/growth/grow.h"
#include "orchestrator/journal/journal.h"
#include "orchestrator/journal/owner.h"
#include "orchestrator/store/live.h"
#include "tests/support/manual_clock.h"
#include "tests/support/record_text.h"
#include "tests/support/refusal.h"
#include "tests/support/sick_file_system.h"
#include "tests/support/temporary_folder.h"

namespace resolute::operations::allocation_test {
namespace {

using namespace std::chrono_literals;
using namespace testing;
using slurm::EndCause;

const slurm::Time kNoon = std::chrono::sys_days(std::chrono::year(2026) / 1 / 31) + 12h;
const std::string kToken = "0123456789ab";
const experiments::JobId kJob{std::string(64, 'a')};

core::CommandOutput said(const std::string& text) { return {core::Exited{0}, text, "", false}; }
core::CommandOutput refused(const std::string& text) { return {core::Exited{1}, "", text + "\n", false}; }

// An allocation of one node, job 100, for a suite of one job. What its launcher does is told by `launches`, one after
// the other.
class AllocationTest : public Test {
 protected:
  AllocationTest() {
    plan_.suite = "tiny";
    plan_.title = "Tiny";
    plan_.jobs.emplace_back().id = kJob;
    request_.token = kToken;
    request_.suite = "tiny";
    request_.created = kNoon;
    request_.store = request_.relative_to = request_.working_folder = folder_.path();
    request_.resolute = "/opt/resolute";
    request_.batches = {{.number = 1, .job_name = "resolute-tiny-" + kToken + "-1"}};
  }

  int start(int restart = 0, int generation = 0, int job = 100, std::optional<int> killed_by = std::nullopt) {
    if (!submitted_) slurm::create_submission(files_, suite_folder(), request_, "title = \"Tiny\"\n");
    submitted_ = true;
    restart_ = restart;
    job_ = job;
    const AllocationWorld world{files_,
                                clock_,
                                signals_,
                                [this] { return now(); },
                                {[this](const auto& command, auto) { return answer(command); },
                                 [this](std::chrono::milliseconds time) { sleep(time); }, &clock_},
                                [this](const std::vector<std::string>& arguments) {
                                  planned_ = arguments;
                                  if (!plan_refusal_.empty()) throw core::input_error(plan_refusal_);
                                  return plan_;
                                },
                                [this](int, const Environment&, const std::string&) {
                                  if (!launcher_silence_.empty())
                                    throw core::RuntimeError(core::ErrorKind::kTransient, launcher_silence_);
                                  return launchers_;
                                },
                                [this](const auto& command, const Environment& environment, const RunQuestions& run) {
                                  return launch(command, environment, run);
                                },
                                "1.2.3"};
    Environment environment{{"SLURM_JOB_ID", std::to_string(job)},
                            {"SLURM_RESTART_COUNT", std::to_string(restart)},
                            {"SLURM_JOB_NUM_NODES", "1"},
                            {"SLURM_JOB_NODELIST", "n1"}};
    if (!end_time_.empty()) environment["SLURM_JOB_END_TIME"] = end_time_;
    return run_allocation(world, {submission(), 1, generation, killed_by}, environment);
  }

  std::filesystem::path suite_folder() const { return experiments::StoreLayout(folder_.path()).suite_folder("tiny"); }
  std::filesystem::path submission() const { return suite_folder() / "submissions" / kToken; }
  slurm::ScriptStart record() {
    const auto runs = slurm::read_runs(files_, submission() / "batch-001");
    return runs.empty() ? slurm::ScriptStart{} : runs.back();
  }
  bool ended() { return slurm::SubmissionFolder(files_, submission()).ended(); }
  std::vector<std::string> asked(const std::string& what) const {
    std::vector<std::string> found;
    for (const std::string& command : commands_)
      if (command.starts_with(what)) found.push_back(command);
    return found;
  }

  // What a run does to the store.
  void begin_run() {
    files_.create_directories(run_folder());
    journal_ = std::make_unique<orchestrator::JournalWriter>(
        files_, run_folder(),
        orchestrator::JournalHeader{++epoch_, journal_ ? journal_->length() : 0, std::string(32, 'a'), {}});
    journal_->append(orchestrator::RunStarted{epoch_, std::string(32, 'a'), "n1", 17, -1, {}}, {});
    journal_->sync();
    renew(epoch_, 0, false);
  }
  void end_run(orchestrator::RunEnd end, const std::string& why = "") {
    if (!why.empty()) journal_->append(orchestrator::StopRequested{why}, {});
    journal_->append(orchestrator::RunEnded{end, why}, {});
    journal_->sync();
    renew(epoch_, 1, true);
  }
  void add_job() {
    orchestrator::JobAdded added;
    added.job = orchestrator::JobIndex{0};
    added.id = kJob;
    added.kind = experiments::kind_name(plan_.jobs.front().specification);
    added.label = "the one";
    journal_->append(added, {});
  }
  void add_running_job() {
    add_job();
    journal_->append(orchestrator::AgentJoined{orchestrator::AgentNumber{0}, "n1", 1, 0, 0, "x"}, {});
    orchestrator::Placed placed;
    placed.job = orchestrator::JobIndex{0};
    placed.attempt = 1;
    placed.placement = {{orchestrator::AgentNumber{0}, 1}};
    journal_->append(placed, {});
    journal_->append(orchestrator::Started{placed.job, 1}, {});
    journal_->sync();
  }
  void give_a_sign_of_life() {
    orchestrator::LiveStatus live;
    live.epoch = epoch_;
    live.at = orchestrator::Instant(now());
    orchestrator::write_live(files_, run_folder(), live);
  }
  void exclude_host(const std::string& host, const std::string& why) {
    journal_->append(orchestrator::HostExcluded{host, why}, {});
    journal_->sync();
  }
  void ask_to_stop(const std::string& why) {
    journal_->append(orchestrator::StopRequested{why}, {});
    journal_->sync();
  }
  void renew(std::int64_t epoch, std::int64_t counter, bool ended) {
    orchestrator::write_owner(files_, run_folder(), epoch, {"n1", "boot", "", 17, 4, counter, ended});
  }
  void finish_job() {
    const auto file = experiments::StoreLayout(folder_.path()).result_file(kJob);
    files_.create_directories(file.parent_path());
    core::write_atomic(files_, file, tests::record_text_of(kJob.hex, kind_name(plan_.jobs.front().specification)));
  }
  std::filesystem::path run_folder() const { return suite_folder(); }
  slurm::Time now() const {
    return kNoon + set_by_ + std::chrono::floor<std::chrono::seconds>(clock_.now().time_since_epoch());
  }
  void sleep(std::chrono::milliseconds time) {
    clock_.advance(time);
    if (while_asleep_) while_asleep_();
  }

  using Launch = std::function<int(const RunQuestions&)>;  // the launcher's exit code
  tests::TemporaryFolder folder_;
  tests::SickFileSystem files_;
  tests::ManualClock clock_;
  AllocationSignals signals_;
  slurm::SubmissionRequest request_;
  experiments::Plan plan_;
  std::vector<slurm::Launcher> launchers_{slurm::Launcher::kNone};
  std::deque<Launch> launches_;
  std::vector<std::string> launched_;
  Environment environment_;
  std::vector<std::string> planned_, commands_;
  std::string state_ = "RUNNING", state_of_others_ = "RUNNING", requeue_refusal_, plan_refusal_, sbatch_refusal_,
              queue_, launcher_silence_, end_time_;
  std::optional<slurm::Time> limit_ = kNoon + 1h;
  bool known_ = true, answers_ = true;
  std::function<void()> while_asleep_;
  std::chrono::seconds set_by_{0};  // somebody sets the node's time of day

 private:
  LaunchedRun launch(const std::vector<std::string>& command, const Environment& environment, const RunQuestions& run) {
    launched_.push_back(fmt::format("{}", fmt::join(command, " ")));
    environment_ = environment;
    if (launches_.empty()) return {core::Exited{1}};
    const auto one = launches_.front();
    launches_.pop_front();
    return {core::Exited{one(run)}};
  }
  core::CommandOutput answer(const std::vector<std::string>& command) {
    commands_.push_back(fmt::format("{}", fmt::join(command, " ")));
    if (!answers_) return refused(command[0] + ": error: Unable to contact slurm controller (connect failure)");
    if (command[0] == "squeue") return said(queue_);
    if (command[0] == "sbatch")
      return sbatch_refusal_.empty() ? said("101\n")
                                     : refused("sbatch: error: Batch job submission failed: " + sbatch_refusal_);
    if (!known_) return refused("slurm_load_jobs error: Invalid job id specified");
    if (command[1] == "requeue") return requeue_refusal_.empty() ? said("") : refused(requeue_refusal_);
    const std::string& asked_of = command.back();
    return said(fmt::format(
        "JobId={} JobName={} UserId=user(1000) GroupId=user(1000) MCS_label=N/A Priority=1 Nice=0 Account=(null) "
        "QOS=(null) JobState={} Reason=None Dependency=(null) Requeue=1 Restarts={} BatchFlag=1 Reboot=0 ExitCode=0:0 "
        "RunTime=00:00:00 TimeLimit=01:00:00 TimeMin=N/A SubmitTime={} EligibleTime=Unknown AccrueTime=Unknown "
        "StartTime={} EndTime={} Deadline=N/A PreemptTime=None SuspendTime=None SecsPreSuspend=0 LastSchedEval=Unknown "
        "Scheduler=Main Partition=main AllocNode:Sid=login:1000 NodeList=n1 NumNodes=1 Power= \n",
        asked_of, request_.batches[0].job_name, asked_of == std::to_string(job_) ? state_ : state_of_others_, restart_,
        slurm::time_text(kNoon), slurm::time_text(kNoon), limit_ ? slurm::time_text(*limit_) : "Unknown"));
  }

  std::unique_ptr<orchestrator::JournalWriter> journal_;
  std::int64_t epoch_ = 0;
  bool submitted_ = false;
  int restart_ = 0, job_ = 100;
};

TEST_F(AllocationTest, runs_the_suite_by_its_launcher_and_ends_the_submission_with_it) {
  request_.plan_arguments = {"--profile", "quick"};
  request_.slots = 4;
  launches_ = {[&](const RunQuestions& run) {
    EXPECT_FALSE(run.began());
    begin_run();
    EXPECT_TRUE(run.began());
    EXPECT_FALSE(run.ended());
    EXPECT_EQ(record().launcher, "none") << "it is written down while the run lives";
    finish_job();
    end_run(orchestrator::RunEnd::kComplete);
    EXPECT_TRUE(run.ended());
    return 0;
  }};
  EXPECT_EQ(start(), 0);
  EXPECT_EQ(record().cause, EndCause::kComplete);
  EXPECT_EQ(record().verdict, "complete");
  EXPECT_EQ(record().before.results, 0);
  EXPECT_EQ(record().after.results, 1);
  EXPECT_TRUE(ended());
  const auto suite = (submission() / "suite.toml").string();
  const std::string store = folder_.path().string();
  EXPECT_THAT(planned_, ElementsAre(suite, "--store", store, "--relative-to", store, "--profile", "quick"));
  EXPECT_THAT(launched_, ElementsAre("/opt/resolute suite run " + suite + " --store " + store + " --relative-to " +
                                     store + " --profile quick --slots 4 --allocation 1 --notice 120"));
  EXPECT_EQ(environment_[kSubmissionVariable], submission());
  EXPECT_EQ(environment_["SLURM_JOB_END_TIME"], std::to_string((kNoon + 1h).time_since_epoch().count()));
  EXPECT_TRUE(slurm::SubmissionFolder(files_, submission()).known_jobs(request_.batches[0]).size() == 1)
      << "whoever submitted it may have died before it heard of the job";
}

TEST_F(AllocationTest, processors_asked_for_are_the_slots_unless_said_otherwise) {
  request_.resources.cpus_per_node = 8;
  start();
  EXPECT_THAT(launched_.at(0), HasSubstr(" --slots 8 "));
}

TEST_F(AllocationTest, jobs_that_share_a_gpu_are_as_many_as_was_typed) {
  request_.jobs_per_gpu = 3;
  start();
  EXPECT_THAT(launched_.at(0), HasSubstr(" --jobs-per-gpu 3 "));
}

TEST_F(AllocationTest, slots_that_were_typed_count) {
  request_.resources.cpus_per_node = 8;
  request_.slots = 2;
  start();
  EXPECT_THAT(launched_.at(0), AllOf(HasSubstr(" --slots 2 "), Not(HasSubstr("--slots 8"))));
}

TEST_F(AllocationTest, opens_each_start_with_a_line_in_the_log_and_has_the_runs_lines_stamped) {
  for (int begun = 1; begun <= 2; ++begun) {
    launches_ = {[&](const RunQuestions&) {
      begin_run();
      end_run(orchestrator::RunEnd::kInterrupted);
      return 75;
    }};
    testing::internal::CaptureStderr();
    start(begun - 1);
    const std::string errors = testing::internal::GetCapturedStderr();
    EXPECT_EQ(errors.find(fmt::format("resolute: start {}, SLURM job 100, node n1, resolute 1.2.3\n", begun)), 0U)
        << errors;
    EXPECT_EQ(environment_[core::kLogTimesVariable], "1");
  }
}

TEST_F(AllocationTest, starts_nothing_where_every_result_is_there) {
  finish_job();
  EXPECT_EQ(start(), 0);
  EXPECT_THAT(launched_, IsEmpty());
  EXPECT_TRUE(ended());
}

TEST_F(AllocationTest, of_a_submission_that_has_ended_nothing_is_run) {
  slurm::SubmissionFolder(files_, submission()).end("replaced by a submission with other options");
  EXPECT_EQ(start(), 0);
  EXPECT_THAT(launched_, IsEmpty());
  EXPECT_THAT(record().verdict, HasSubstr("its submission had ended"));
  EXPECT_THAT(asked("scontrol requeue"), IsEmpty());
}

TEST_F(AllocationTest, after_a_notice_it_queues_itself_again) {
  launches_ = {[&](const RunQuestions&) {
    begin_run();
    ::raise(SIGUSR1);
    clock_.advance(58min + 30s);
    end_run(orchestrator::RunEnd::kInterrupted, "signal 10");
    return 75;
  }};
  EXPECT_EQ(start(), 75);
  EXPECT_EQ(record().cause, EndCause::kWalltime);
  EXPECT_EQ(record().verdict, "requeued");
  EXPECT_THAT(asked("scontrol requeue"), ElementsAre("scontrol requeue 100"));
  EXPECT_FALSE(ended());
}

TEST_F(AllocationTest, tells_once_over_requeues_and_of_the_end_alone) {
  const auto heard = folder_ / "heard";
  request_.notify = "echo \"$RESOLUTE_STATE: $RESOLUTE_SUMMARY\" >> '" + heard.string() + "'";
  const auto until_the_limit = [&](const RunQuestions&) {
    begin_run();
    clock_.advance(59min + 30s);
    limit_ = now() + 1h;
    return 1;
  };
  launches_ = {until_the_limit, until_the_limit, [&](const RunQuestions&) {
                 begin_run();
                 finish_job();
                 end_run(orchestrator::RunEnd::kComplete);
                 return 0;
               }};
  for (int restart = 0; restart < 2; ++restart) {
    EXPECT_EQ(start(restart), 75);
    EXPECT_EQ(record().verdict, "requeued");
    EXPECT_FALSE(std::filesystem::exists(heard)) << "nothing has ended yet";
  }
  EXPECT_EQ(start(2), 0);
  EXPECT_EQ(start(3), 0) << "a double finds everything done";
  EXPECT_EQ(core::read_text(core::real_file_system(), heard),
            "complete: suite tiny is complete: all 1 jobs have their results\n");
}

TEST_F(AllocationTest, tells_of_what_needs_a_person) {
  const auto heard = folder_ / "heard";
  request_.notify = "echo $RESOLUTE_STATE >> '" + heard.string() + "'; exit 1";
  launches_ = {[&](const RunQuestions&) { return 2; }};
  EXPECT_EQ(start(), 2);
  EXPECT_EQ(record().cause, EndCause::kConfiguration);
  EXPECT_EQ(core::read_text(core::real_file_system(), heard), "configuration\n");
}

TEST_F(AllocationTest, a_notice_names_what_was_set_aside) {
  const auto heard = folder_ / "heard";
  request_.notify = "echo $RESOLUTE_SUMMARY >> '" + heard.string() + "'";
  launches_ = {[&](const RunQuestions&) {
    begin_run();
    exclude_host("node7", "2 jobs failed there and lived elsewhere");
    end_run(orchestrator::RunEnd::kIncomplete);
    return 3;
  }};
  EXPECT_EQ(start(), 3);
  EXPECT_THAT(core::read_text(core::real_file_system(), heard),
              HasSubstr("; set aside: node7: 2 jobs failed there and lived elsewhere"));
}

TEST_F(AllocationTest, a_chain_has_its_successor_submitted_and_nothing_requeued) {
  request_.continuation = slurm::Continuation::kChain;
  launches_ = {[&](const RunQuestions&) {
    begin_run();
    clock_.advance(59min + 30s);
    return 1;
  }};
  EXPECT_EQ(start(), 75);
  EXPECT_EQ(record().verdict, "another job follows (as it is asked for)");
  EXPECT_THAT(asked("sbatch"), SizeIs(1));
  EXPECT_THAT(asked("scontrol requeue"), IsEmpty());
  const auto known = slurm::SubmissionFolder(files_, submission()).known_jobs(request_.batches[0]);
  ASSERT_EQ(known.size(), 2);
  EXPECT_EQ(known[1].id, 101);
}

// A start whose run goes on for a minute and ends at the limit.
class ArmedTest : public AllocationTest {
 protected:
  ArmedTest() { request_.continuation = slurm::Continuation::kArmed; }
  Launch to_the_limit(std::function<void()> before_the_end = [] {}) {
    return [this, before_the_end](const RunQuestions& run) {
      begin_run();
      for (int i = 0; i < 6; ++i, clock_.advance(10s)) EXPECT_FALSE(run.ended());
      clock_.advance(58min);
      before_the_end();
      return 1;
    };
  }
  // As squeue shows the job that waits.
  std::string waiting(const std::string& state) const {
    return fmt::format("101|101|N/A|{}|2026-01-31T12:00:30|N/A|N/A|1||{}|Dependency\n", state,
                       request_.batches[0].job_name);
  }
  // A start whose process, and the shell behind it, are killed.
  void killed_start() {
    limit_ = now() + 1h;
    launches_ = {to_the_limit()};
    start(0, generation_, 100 + generation_);
    auto killed = record();
    killed.end.reset();
    killed.cause.reset();
    killed.given_up = false;
    slurm::write_run(files_, submission() / "batch-001", killed);
    ++generation_;
  }
  // A start that gives the suite up while SLURM is silent.
  void have_the_last_word() {
    launches_ = {[&, run_to_the_limit = to_the_limit()](const RunQuestions& run) {
      run_to_the_limit(run);
      end_run(orchestrator::RunEnd::kIncomplete);
      answers_ = false;
      return 3;
    }};
    EXPECT_EQ(start(), 3);
  }
  std::size_t generation() const { return static_cast<std::size_t>(generation_); }
  int generation_ = 0;
  StoredBatch stored() {
    return read_whole_submission(files_, slurm::SubmissionFolder(files_, submission())).batches[0];
  }
};

TEST_F(ArmedTest, one_job_waits_behind_all_starts_and_goes_with_the_last) {
  launches_ = {to_the_limit(), to_the_limit()};
  EXPECT_EQ(start(), 75);
  EXPECT_EQ(record().verdict, "requeued");
  EXPECT_EQ(start(1), 75);
  EXPECT_THAT(asked("sbatch"), SizeIs(1));
  EXPECT_THAT(asked("scontrol requeue"), SizeIs(2));
  EXPECT_THAT(asked("scancel"), IsEmpty());
  launches_ = {[&](const RunQuestions&) {
    begin_run();
    finish_job();
    end_run(orchestrator::RunEnd::kComplete);
    return 0;
  }};
  EXPECT_EQ(start(2), 0);
  EXPECT_THAT(asked("scancel"), ElementsAre(AllOf(HasSubstr("PENDING"), HasSubstr(request_.batches[0].job_name))));
}

TEST_F(ArmedTest, one_job_waits_also_where_the_time_of_day_is_set_back) {
  limit_.reset();
  for (const auto back : {1min, 60min, 24 * 60min}) {
    launches_ = {[&](const RunQuestions& run) {
      begin_run();
      set_by_ -= back;
      for (int i = 0; i < 6; ++i, clock_.advance(10s)) EXPECT_FALSE(run.ended());
      return 1;
    }};
    start(0, generation_, 100 + generation_);
    ++generation_;
    EXPECT_THAT(asked("sbatch"), SizeIs(generation())) << back.count();
  }
}

TEST_F(ArmedTest, it_goes_on_where_no_requeue_is_allowed) {
  launches_ = {to_the_limit([&] {
    requeue_refusal_ = "Requested operation is presently disabled for job 100";
    queue_ = waiting("PENDING");
  })};
  EXPECT_EQ(start(), 75);
  EXPECT_THAT(record().verdict, HasSubstr("presently disabled"));
  EXPECT_THAT(asked("sbatch"), SizeIs(1)) << "exactly one goes on";
  EXPECT_THAT(asked("scancel"), IsEmpty());
}

TEST_F(ArmedTest, where_somebody_has_cancelled_it_another_one_goes_on) {
  launches_ = {to_the_limit([&] {
    requeue_refusal_ = "Requested operation is presently disabled for job 100";
    queue_ = waiting("CANCELLED");
  })};
  EXPECT_EQ(start(), 75);
  EXPECT_THAT(asked("sbatch"), SizeIs(2));
  EXPECT_EQ(stored().generation, 2);
}

TEST_F(ArmedTest, an_allocation_does_not_hold_its_nodes_for_a_controller_that_is_away) {
  launches_ = {to_the_limit([&] { answers_ = false; })};
  EXPECT_EQ(start(), 75);
  EXPECT_THAT(record().verdict, HasSubstr("generation 1 waits and goes on"));
  EXPECT_LT(clock_.now().time_since_epoch(), 59min + 1min);
}

TEST_F(ArmedTest, a_refusal_to_let_one_wait_is_no_refusal_of_a_successor) {
  sbatch_refusal_ = "Access/permission denied";
  launches_ = {to_the_limit([&] { sbatch_refusal_.clear(); })};
  EXPECT_EQ(start(), 75);
  EXPECT_EQ(record().verdict, "requeued");
  EXPECT_THAT(asked("sbatch"), SizeIs(2)) << "asked again after 20 s";
  EXPECT_EQ(stored().generation, 0);
  EXPECT_TRUE(std::holds_alternative<slurm::KnownJob>(stored().last));
}

TEST_F(ArmedTest, after_a_last_word_it_does_nothing_and_the_batch_is_over) {
  have_the_last_word();
  EXPECT_TRUE(is_over(stored()));
  answers_ = true;  // it never heard that its job is not wanted any more
  EXPECT_EQ(start(0, 1, 101), 0);
  EXPECT_THAT(launched_, SizeIs(1));
  EXPECT_THAT(record().verdict, HasSubstr("nothing was done"));
  EXPECT_TRUE(is_over(stored()));
}

TEST_F(ArmedTest, a_last_word_that_the_store_does_not_give_yet_is_waited_for) {
  have_the_last_word();
  answers_ = true;
  limit_ = now() + 1h;
  std::map<std::string, int> failures{{"request.json", 0}, {"run-100-000.json", 0}, {"accepted-001.json", 0}};
  files_.sick = [&](tests::SickFileSystem::Call call, const std::filesystem::path& path) {
    const auto found = failures.find(path.filename());
    return call == tests::SickFileSystem::kRead && found != failures.end() && ++found->second <= 2 ? ESTALE : 0;
  };
  EXPECT_EQ(start(0, 1, 101), 0);
  EXPECT_THAT(launched_, SizeIs(1));
  EXPECT_THAT(record().verdict, HasSubstr("nothing was done"));
  EXPECT_THAT(failures, Each(Pair(_, Gt(2))));
}

TEST_F(ArmedTest, after_a_start_that_ended_without_a_word_it_works_and_says_how_that_ended) {
  killed_start();
  for (const auto& [state, cause] :
       {std::pair("OUT_OF_MEMORY", EndCause::kInterrupted), std::pair("PREEMPTED", EndCause::kPreempted),
        std::pair("NODE_FAIL", EndCause::kNodeLost), std::pair("TIMEOUT", EndCause::kWalltime)}) {
    state_of_others_ = state;
    killed_start();
    EXPECT_EQ(slurm::read_runs(files_, submission() / "batch-001").at(generation() - 2).cause, cause);
  }
  EXPECT_THAT(launched_, SizeIs(5));
}

TEST_F(ArmedTest, starts_that_are_ended_without_a_word_for_memory_come_to_an_end) {
  state_of_others_ = "OUT_OF_MEMORY";
  killed_start();
  killed_start();
  limit_ = now() + 1h;
  launches_ = {to_the_limit()};
  EXPECT_EQ(start(0, generation_, 102), 1);
  EXPECT_THAT(record().verdict, HasSubstr("3 starts in a row"));
}

TEST_F(ArmedTest, after_a_job_that_was_cancelled_without_a_word_it_does_nothing) {
  killed_start();
  state_of_others_ = "CANCELLED";
  EXPECT_EQ(start(0, 1, 101), 0);
  EXPECT_THAT(launched_, SizeIs(1));
  EXPECT_EQ(record().cause, EndCause::kCancelled);
}

TEST_F(ArmedTest, an_allocation_on_demand_has_none_in_waiting) {
  request_.batches[0].on_demand = true;
  request_.idle_limit = 60s;
  launches_ = {to_the_limit()};
  EXPECT_EQ(start(), 75);
  EXPECT_THAT(asked("sbatch"), IsEmpty());
}

TEST_F(AllocationTest, a_job_that_slurm_lost_or_will_not_requeue_has_a_successor) {
  for (const bool lost : {true, false}) {
    known_ = true;
    launches_ = {[&](const RunQuestions&) {
      begin_run();
      known_ = !lost;
      requeue_refusal_ = "Requested operation is presently disabled for job 100";
      return 1;
    }};
    EXPECT_EQ(start(0, lost ? 0 : 1), 75);
    EXPECT_THAT(record().verdict, HasSubstr(lost ? "SLURM lost this job" : "presently disabled"));
  }
  EXPECT_THAT(asked("sbatch"), SizeIs(2));
}

TEST_F(AllocationTest, where_slurm_takes_no_successor_the_batch_is_given_up) {
  request_.continuation = slurm::Continuation::kChain;
  sbatch_refusal_ = "Invalid account or account/partition combination specified";
  launches_ = {[&](const RunQuestions&) { return begin_run(), 1; }};
  EXPECT_EQ(start(), 1);
  EXPECT_TRUE(record().given_up);
  EXPECT_THAT(record().verdict, HasSubstr("Invalid account"));
}

TEST_F(AllocationTest, without_an_answer_of_slurms_it_leaves_the_rest_to_resume) {
  launches_ = {[&](const RunQuestions&) {
    begin_run();
    answers_ = false;
    return 1;
  }};
  const auto before = clock_.now();
  EXPECT_EQ(start(), 75);
  EXPECT_THAT(record().verdict, HasSubstr("`resolute suite resume` goes on"));
  EXPECT_GE(clock_.now() - before, 29min) << "it has half an hour's patience";
  EXPECT_THAT(asked("sbatch"), IsEmpty());
}

TEST_F(AllocationTest, the_environment_says_when_it_ends_where_slurm_does_not_answer) {
  int restart = 0;
  const auto cause_with = [&](const std::string& end_time) {
    end_time_ = end_time;
    answers_ = false;
    launches_ = {[&](const RunQuestions&) {
      begin_run();
      clock_.advance(58min);
      answers_ = true;
      return 1;
    }};
    start(restart++);
    return record().cause;
  };
  const auto in_an_hour = [&] { return std::to_string((now() + 1h).time_since_epoch().count()); };
  EXPECT_EQ(cause_with(in_an_hour()), EndCause::kWalltime);
  EXPECT_EQ(environment_["SLURM_JOB_END_TIME"], end_time_);
  EXPECT_EQ(cause_with(""), EndCause::kInterrupted);
  EXPECT_EQ(cause_with("0"), EndCause::kInterrupted);
  EXPECT_EQ(cause_with("soon"), EndCause::kInterrupted);
  EXPECT_EQ(cause_with(std::to_string((now() + 48h).time_since_epoch().count())), EndCause::kInterrupted);
}

TEST_F(AllocationTest, asks_slurm_for_a_few_seconds_only_once_it_was_told_to_go) {
  launches_ = {[&](const RunQuestions&) {
    begin_run();
    answers_ = false;
    ::raise(SIGTERM);
    return 1;
  }};
  const auto before = clock_.now();
  EXPECT_EQ(start(), 75);
  EXPECT_EQ(record().cause, EndCause::kTerminated);
  EXPECT_LE(clock_.now() - before, 20s);
}

TEST_F(AllocationTest, a_run_that_refuses_to_begin_is_not_started_again) {
  launches_ = {[](const RunQuestions&) { return 2; }};
  EXPECT_EQ(start(), 2);
  EXPECT_EQ(record().cause, EndCause::kConfiguration);
  EXPECT_TRUE(record().given_up);
  EXPECT_THAT(asked("scontrol requeue"), IsEmpty());
}

TEST_F(AllocationTest, a_suite_that_cannot_be_planned_is_given_up) {
  plan_refusal_ = "suite.toml:3: unknown key 'colour'";
  EXPECT_EQ(start(), 2);
  EXPECT_THAT(launched_, IsEmpty());
  EXPECT_THAT(record().verdict, HasSubstr("refuses to begin"));
}

TEST_F(AllocationTest, jobs_that_failed_for_good_end_it) {
  launches_ = {[&](const RunQuestions&) {
    begin_run();
    end_run(orchestrator::RunEnd::kIncomplete);
    return 3;
  }};
  EXPECT_EQ(start(), 3);
  EXPECT_EQ(record().cause, EndCause::kIncomplete);
}

// A suite whose plan is longer once a search has results.
class AllocationOfASearch : public AllocationTest {
 protected:
  AllocationOfASearch() { plan_.searches = {{"lr", "easy", {{2, 1, 0}, {4, 1, 0}}}}; }
  void run_to(orchestrator::RunEnd end, bool longer) {
    launches_ = {[&, end, longer](const RunQuestions&) {
      begin_run();
      add_job();
      if (end == orchestrator::RunEnd::kComplete) finish_job();
      end_run(end);
      if (longer) plan_.jobs.emplace_back().id = {std::string(64, 'b')};
      return 75;
    }};
    start();
  }
};

TEST_F(AllocationOfASearch, goes_on_after_a_run_that_died_between_two_plans) {
  run_to(orchestrator::RunEnd::kComplete, true);
  EXPECT_EQ(record().cause, EndCause::kInterrupted);
  EXPECT_FALSE(ended());
}

TEST_F(AllocationOfASearch, goes_on_where_a_failure_made_the_plan_longer) {
  run_to(orchestrator::RunEnd::kIncomplete, true);
  EXPECT_EQ(record().cause, EndCause::kInterrupted);
  EXPECT_FALSE(ended());
}

TEST_F(AllocationOfASearch, ends_with_a_failure_that_holds_the_search_up) {
  run_to(orchestrator::RunEnd::kIncomplete, false);
  EXPECT_EQ(record().cause, EndCause::kIncomplete);
}

TEST_F(AllocationOfASearch, is_incomplete_where_no_result_makes_the_plan_longer) {
  run_to(orchestrator::RunEnd::kComplete, false);
  EXPECT_EQ(record().cause, EndCause::kIncomplete);
  EXPECT_EQ(start(1), 3);
  EXPECT_THAT(launched_, SizeIs(1)) << "the second has nothing to do";
}

TEST_F(AllocationOfASearch, is_complete_with_the_winners_jobs) {
  plan_.searches[0].winner = "lr 0.1";
  run_to(orchestrator::RunEnd::kComplete, false);
  EXPECT_EQ(record().cause, EndCause::kComplete);
  EXPECT_TRUE(ended());
}

TEST_F(AllocationTest, what_suite_cancel_ended_does_not_go_on) {
  launches_ = {[&](const RunQuestions&) {
    begin_run();
    end_run(orchestrator::RunEnd::kInterrupted, "cancelled by kim@login1");
    return 75;
  }};
  EXPECT_EQ(start(), 75);
  EXPECT_EQ(record().cause, EndCause::kCancelled);
  EXPECT_EQ(record().verdict, "cancelled by `suite cancel`");
  EXPECT_THAT(asked("scontrol requeue"), IsEmpty());
  EXPECT_THAT(asked("scancel"), ElementsAre("scancel 100")) << "else SLURM calls it FAILED";
}

TEST_F(AllocationTest, what_slurm_ended_is_left_to_slurm) {
  launches_ = {[&](const RunQuestions&) {
    begin_run();
    state_ = "COMPLETING";
    ::raise(SIGTERM);
    return 75;
  }};
  EXPECT_EQ(start(), 75);
  EXPECT_EQ(record().verdict, "SLURM or its user has decided");
  EXPECT_THAT(asked("scancel"), IsEmpty());
}

// A start whose process is killed in the middle of its run: it leaves its first record, and no more.
class KilledAllocation : public AllocationTest {
 protected:
  struct Killed {};
  // \param restart of the start
  int killed(int restart, const std::function<void()>& in_run, int by = SIGKILL) {
    launches_ = {[&](const RunQuestions& run) {
      begin_run();
      EXPECT_FALSE(run.ended());
      in_run();
      throw Killed();
      return 0;
    }};
    EXPECT_THROW(start(restart), Killed);
    EXPECT_FALSE(record().end) << "nothing was said";
    return start(restart, 0, 100, by);
  }
};

TEST_F(KilledAllocation, is_queued_again_by_the_process_that_follows) {
  EXPECT_EQ(killed(0, [] {}), 75);
  EXPECT_THAT(slurm::read_runs(files_, submission() / "batch-001"), SizeIs(1)) << "it is one start";
  EXPECT_EQ(record().cause, EndCause::kInterrupted);
  EXPECT_EQ(record().verdict, "requeued: signal 9 killed its process (out of memory?)");
  EXPECT_THAT(asked("scontrol requeue"), ElementsAre("scontrol requeue 100"));
  EXPECT_THAT(launched_, SizeIs(1)) << "no second run beside the one that may live on";
}

TEST_F(KilledAllocation, counts_as_a_start_that_came_to_nothing) {
  for (int restart = 0; restart < 3; ++restart) {
    EXPECT_EQ(killed(restart, [] {}), restart < 2 ? 75 : 1) << restart;
    clock_.advance(1min);
  }
  EXPECT_TRUE(record().given_up);
}

TEST_F(KilledAllocation, of_a_suite_that_is_complete_by_then_ends_it) {
  EXPECT_EQ(killed(0,
                   [&] {
                     finish_job();
                     end_run(orchestrator::RunEnd::kComplete);
                   }),
            0);
  EXPECT_EQ(record().cause, EndCause::kComplete);
  EXPECT_TRUE(ended());
  EXPECT_THAT(asked("scontrol requeue"), IsEmpty());
}

TEST_F(KilledAllocation, that_was_being_ended_by_slurm_stays_so) {
  EXPECT_EQ(killed(0, [&] { state_ = "COMPLETING"; }), 75);
  EXPECT_EQ(record().cause, EndCause::kCancelled);
  EXPECT_THAT(asked("scontrol requeue"), IsEmpty());
}

TEST_F(KilledAllocation, before_it_wrote_its_record_has_one_all_the_same) {
  EXPECT_EQ(start(0, 0, 100, SIGKILL), 75);
  EXPECT_EQ(record().cause, EndCause::kInterrupted);
  EXPECT_THAT(record().verdict, StartsWith("requeued"));
  EXPECT_THAT(launched_, IsEmpty());
}

// Between its verdict and its requeue, or because SLURM ends what was requeued.
TEST_F(KilledAllocation, after_its_last_word_has_that_settled_once_more) {
  launches_ = {[&](const RunQuestions&) { return begin_run(), 1; }};
  EXPECT_EQ(start(), 75);
  EXPECT_EQ(start(0, 0, 100, SIGKILL), 75);
  EXPECT_THAT(asked("scontrol requeue"), SizeIs(2)) << "SLURM says that it still runs";
  finish_job();
  clock_.advance(1min);
  EXPECT_EQ(start(1), 0);
  EXPECT_EQ(start(1, 0, 100, SIGKILL), 75);
  EXPECT_EQ(record().cause, EndCause::kComplete) << "nothing follows that";
}

TEST_F(AllocationTest, starts_that_come_to_nothing_are_counted_and_given_up) {
  for (int restart = 0; restart < 3; ++restart) {
    launches_ = {[&](const RunQuestions&) { return begin_run(), 1; }};
    EXPECT_EQ(start(restart), restart < 2 ? 75 : 1) << restart;
    clock_.advance(1min);
  }
  EXPECT_TRUE(record().given_up);
  EXPECT_THAT(record().verdict, HasSubstr("3 starts in a row finished no job"));
}

TEST_F(AllocationTest, starts_that_are_given_up_say_why_the_last_run_stopped) {
  for (int restart = 0; restart < 3; ++restart) {
    launches_ = {[&](const RunQuestions&) {
      begin_run();
      end_run(orchestrator::RunEnd::kInterrupted, "the allocation ends in 59 s");
      clock_.advance(59min);
      return 75;
    }};
    limit_ = now() + 1h;
    start(restart);
  }
  EXPECT_THAT(record().verdict, HasSubstr("the last for walltime (the allocation ends in 59 s)"));
}

TEST_F(AllocationTest, a_launcher_that_fails_is_followed_by_another_which_then_comes_first) {
  launchers_ = {slurm::Launcher::kSrun, slurm::Launcher::kNone};
  launches_ = {[](const RunQuestions&) { return 1; }, [&](const RunQuestions&) { return begin_run(), 1; }};
  EXPECT_EQ(start(), 75);
  EXPECT_THAT(launched_, ElementsAre(StartsWith("srun "), StartsWith("/opt/resolute ")));
  EXPECT_EQ(record().launcher, "none");
  clock_.advance(1min);
  launched_.clear();
  launches_ = {[&](const RunQuestions&) { return begin_run(), 1; }};
  EXPECT_EQ(start(1), 75);
  EXPECT_THAT(launched_, ElementsAre(StartsWith("/opt/resolute ")));
}

TEST_F(AllocationTest, where_no_launcher_brings_a_run_it_says_so) {
  EXPECT_EQ(start(), 75);
  EXPECT_EQ(record().cause, EndCause::kLauncherFailed);
  launchers_.clear();
  clock_.advance(1min);
  EXPECT_EQ(start(1), 2) << "nothing can start anything here";
}

TEST_F(AllocationTest, where_launchers_have_not_answered_the_next_start_asks_again) {
  launcher_silence_ = "`mpirun --version` has not answered";
  EXPECT_EQ(start(), 75);
  EXPECT_EQ(record().cause, EndCause::kLauncherFailed);
  EXPECT_FALSE(record().given_up);
  launcher_silence_.clear();
  clock_.advance(1min);
  launches_ = {[&](const RunQuestions&) { return begin_run(), 1; }};
  EXPECT_EQ(start(1), 75);
  EXPECT_THAT(launched_, SizeIs(1));
}

TEST_F(AllocationTest, a_launcher_has_a_quarter_of_the_time_that_is_left_to_bring_the_run) {
  limit_ = kNoon + 20min;
  launches_ = {[&](const RunQuestions& run) {
    for (auto passed = 0s; passed < 4min + 50s; passed += 10s) {  // a launcher asks every few seconds
      clock_.advance(10s);
      EXPECT_FALSE(run.ended());
    }
    clock_.advance(20s);
    EXPECT_TRUE(run.ended());
    return 1;
  }};
  EXPECT_EQ(start(), 75);
}

TEST_F(AllocationTest, waits_while_a_run_of_an_earlier_start_is_at_work_and_then_goes_on) {
  files_.create_directories(run_folder());
  begin_run();
  std::int64_t counter = 0;
  const auto end = clock_.now() + 2min;
  while_asleep_ = [&] { renew(1, ++counter, clock_.now() >= end); };
  launches_ = {[&](const RunQuestions&) {
                 renew(1, ++counter, false);  // it lets no other begin
                 return 75;
               },
               [&](const RunQuestions&) {
                 EXPECT_GE(clock_.now(), end);
                 begin_run();
                 finish_job();
                 end_run(orchestrator::RunEnd::kComplete);
                 return 0;
               }};
  EXPECT_EQ(start(1), 0);
  EXPECT_THAT(launched_, SizeIs(2));
}

TEST_F(AllocationTest, a_store_that_is_away_is_waited_for_as_long_as_there_is_time) {
  for (const auto away_for : {10min, 1000min}) {
    std::optional<core::MonotonicTime> away;
    files_.sick = [&](tests::SickFileSystem::Call call, const std::filesystem::path&) {
      return away && clock_.now() - *away < away_for && call == tests::SickFileSystem::kRead ? EIO : 0;
    };
    limit_ = now() + 30min;
    launches_ = {[&](const RunQuestions& run) {
      begin_run();
      EXPECT_TRUE(run.ended() == false && run.began());
      away = clock_.now();
      return 1;
    }};
    EXPECT_EQ(start(away_for == 10min ? 0 : 1), 75);
    files_.sick = [](tests::SickFileSystem::Call, const std::filesystem::path&) { return 0; };
    const auto waited = clock_.now() - away.value();
    EXPECT_GE(waited, away_for == 10min ? 10min : 27min);
    EXPECT_LE(waited, away_for == 10min ? 12min : 30min) << "the end has to be settled too";
    EXPECT_EQ(record().cause, away_for == 10min ? EndCause::kInterrupted : EndCause::kWalltime);
  }
}

// The files that a chain writes for its successor, of which the store takes none for 40 s. The notice has come.
class StoreAfterANotice : public AllocationTest, public WithParamInterface<const char*> {
 protected:
  int start_with_time_left(std::chrono::seconds left) {
    request_.continuation = slurm::Continuation::kChain;
    std::optional<core::MonotonicTime> away;
    files_.sick = [&](tests::SickFileSystem::Call call, const std::filesystem::path& path) {
      const bool is_writing = call == tests::SickFileSystem::kOpen || call == tests::SickFileSystem::kWrite;
      const bool is_away = away && clock_.now() - *away < 40s;
      return is_away && is_writing && path.string().find(GetParam()) != std::string::npos ? EIO : 0;
    };
    launches_ = {[&](const RunQuestions&) {
      begin_run();
      ::raise(SIGUSR1);
      clock_.advance(1h - left);
      end_run(orchestrator::RunEnd::kInterrupted, "signal 10");
      away = clock_.now();
      return 75;
    }};
    const int code = start();
    files_.sick = [](tests::SickFileSystem::Call, const std::filesystem::path&) { return 0; };
    EXPECT_GT(files_.failures, 0);
    return code;
  }
};

TEST_P(StoreAfterANotice, is_waited_for_while_there_is_time_for_a_successor) {
  EXPECT_EQ(start_with_time_left(100s), 75);
  EXPECT_EQ(record().verdict, "another job follows (as it is asked for)");
  EXPECT_EQ(slurm::SubmissionFolder(files_, submission()).known_jobs(request_.batches[0]).size(), 2U);
}

TEST_P(StoreAfterANotice, is_not_waited_for_where_the_end_is_near) {
  EXPECT_EQ(start_with_time_left(60s), 75);
  EXPECT_EQ(record().verdict, "no successor yet: `resolute suite resume` goes on");
  EXPECT_LE(now(), kNoon + 1h - 20s);
}

INSTANTIATE_TEST_SUITE_P(AllocationTest, StoreAfterANotice, Values("intent-001", "script-001", "accepted-001"));

// The run has written its last result, and was killed, or met a full disk, before it wrote the tables.
class FullDiskAtTheEnd : public AllocationTest {
 protected:
  int start_with_a_full_disk_for(std::chrono::minutes length) {
    std::optional<core::MonotonicTime> full;
    files_.sick = [&](tests::SickFileSystem::Call call, const std::filesystem::path& path) {
      const bool of_tables = path.string().find("/tables/") != std::string::npos;
      return full && clock_.now() - *full < length && call == tests::SickFileSystem::kWrite && of_tables ? ENOSPC : 0;
    };
    limit_ = now() + 30min;
    launches_ = {[&](const RunQuestions& run) {
      begin_run();
      EXPECT_TRUE(run.began());
      finish_job();
      end_run(orchestrator::RunEnd::kComplete);
      full = clock_.now();
      return 0;
    }};
    return start();
  }
  std::size_t tables() const {
    std::size_t found = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.path()))
      found += entry.path().filename() == "tables.json";
    return found;
  }
};

TEST_F(FullDiskAtTheEnd, is_waited_for_and_the_tables_are_written) {
  EXPECT_EQ(start_with_a_full_disk_for(10min), 0);
  EXPECT_EQ(tables(), 1U);
  EXPECT_TRUE(ended());
}

TEST_F(FullDiskAtTheEnd, that_stays_so_is_told_and_leaves_the_submission_open) {
  EXPECT_EQ(start_with_a_full_disk_for(1000min), 1);
  EXPECT_EQ(tables(), 0U);
  EXPECT_FALSE(ended());
  EXPECT_EQ(record().cause, EndCause::kComplete);
  EXPECT_THAT(record().verdict, HasSubstr("the store did not take its tables"));
}

TEST_F(AllocationTest, ends_with_a_cause_where_the_tables_cannot_be_made) {
  launches_ = {[&](const RunQuestions& run) {
    begin_run();
    EXPECT_TRUE(run.began());
    finish_job();
    core::write_atomic(files_, suite_folder() / "tables", "a file in the place of the folder");
    end_run(orchestrator::RunEnd::kComplete);
    return 0;
  }};
  EXPECT_EQ(start(), 1);
  EXPECT_EQ(record().cause, EndCause::kComplete);
  EXPECT_THAT(record().verdict, HasSubstr("its tables cannot be made"));
}

TEST_F(AllocationTest, a_damaged_record_is_no_result) {
  launches_ = {[&](const RunQuestions& run) {
    begin_run();
    EXPECT_TRUE(run.began());
    finish_job();
    core::write_atomic(files_, experiments::StoreLayout(folder_.path()).result_file(kJob), "{\"job\":");
    end_run(orchestrator::RunEnd::kIncomplete);
    return 3;
  }};
  EXPECT_EQ(start(), 3);
  EXPECT_EQ(record().cause, EndCause::kIncomplete);
}

TEST_F(AllocationTest, of_a_batch_that_the_submission_has_not_nothing_is_run) {
  start();
  request_.batches[0].number = 7;
  launched_.clear();
  const AllocationWorld world = real_allocation_world(
      signals_, [this](const auto&) { return plan_; }, "1.2.3");
  EXPECT_THAT(tests::refusal([&] {
                run_allocation(world, {submission(), 7, 0}, {{"SLURM_JOB_ID", "100"}});
              }),
              HasSubstr("--batch is 7"));
  EXPECT_THAT(tests::refusal([&] {
                run_allocation(world, {submission(), 1, 0}, {});
              }),
              HasSubstr("this is not an allocation of SLURM"));
}

// Two pools of which each has one allocation on demand: batch 1, which runs, for `kinds`, and batch 2 for `others`.
class PoolsTest : public AllocationTest {
 protected:
  void give_pools(settings::JobKind kinds, settings::JobKind others) {
    request_.idle_limit = 60s;
    request_.batches[0].kinds = {kinds};
    request_.batches[0].on_demand = true;
    request_.batches.push_back({.number = 2, .job_name = "resolute-tiny-" + kToken + "-2", .first_allocation = 2});
    request_.batches[1].kinds = {others};
    request_.batches[1].on_demand = true;
  }
  // A training beside the shard: its needs are there.
  void add_training() {
    plan_.jobs.emplace_back().id = {std::string(64, 'b')};
    plan_.jobs.back().specification = experiments::TrainingSpecification{};
  }
  std::string why_of_the_other() {
    return slurm::SubmissionFolder(files_, submission()).why_wanted(request_.batches[1], 0);
  }
};

TEST_F(PoolsTest, an_allocation_that_comes_too_late_for_its_work_launches_nothing_and_has_others_asked_for) {
  give_pools(settings::JobKind::kTraining, settings::JobKind::kPack);
  EXPECT_EQ(start(), 0);
  EXPECT_THAT(launched_, IsEmpty());
  EXPECT_EQ(record().cause, EndCause::kIdle);
  EXPECT_EQ(record().verdict, "there is nothing more for it to do");
  EXPECT_THAT(asked("sbatch"), ElementsAre(HasSubstr("batch-002/script-000.sh")));
  EXPECT_EQ(why_of_the_other(), "1 job of 1 process rank is ready, and no allocation for them is there");
  EXPECT_FALSE(ended());
}

TEST_F(PoolsTest, a_store_that_is_away_while_others_are_asked_for_is_waited_for) {
  give_pools(settings::JobKind::kTraining, settings::JobKind::kPack);
  int reads = 0;  // the first is of the begin
  files_.sick = [&](tests::SickFileSystem::Call call, const std::filesystem::path& path) {
    if (call != tests::SickFileSystem::kRead || path.filename() != "request.json") return 0;
    return ++reads > 1 && now() < kNoon + 5min ? EIO : 0;
  };
  EXPECT_EQ(start(), 0);
  EXPECT_GT(reads, 2);
  EXPECT_EQ(record().cause, EndCause::kIdle);
  EXPECT_THAT(asked("sbatch"), ElementsAre(HasSubstr("batch-002/script-000.sh")));
}

TEST_F(PoolsTest, a_run_is_told_its_kinds_and_when_to_end_and_what_it_leaves_is_done_by_others) {
  give_pools(settings::JobKind::kPack, settings::JobKind::kTraining);
  add_training();
  request_.resources.cpus_per_node = 3;
  launches_ = {[&](const RunQuestions&) {
    begin_run();
    finish_job();
    end_run(orchestrator::RunEnd::kIdle, "");
    return 0;
  }};
  EXPECT_EQ(start(), 0);
  EXPECT_THAT(launched_, ElementsAre(HasSubstr(" --slots 3 --kinds pack --idle-limit 60 ")));
  EXPECT_EQ(record().cause, EndCause::kIdle);
  EXPECT_THAT(asked("sbatch"), ElementsAre(HasSubstr("batch-002/script-000.sh")));
}

TEST_F(PoolsTest, an_allocation_for_whose_kind_work_has_come_meanwhile_is_asked_for_anew) {
  give_pools(settings::JobKind::kPack, settings::JobKind::kTraining);
  launches_ = {[&](const RunQuestions&) {
    begin_run();
    end_run(orchestrator::RunEnd::kIdle, "");
    return 75;
  }};
  EXPECT_EQ(start(), 0);
  EXPECT_THAT(asked("sbatch"), ElementsAre(HasSubstr("batch-001/script-001.sh")));
}

TEST_F(PoolsTest, where_slurm_takes_no_other_the_suite_needs_a_person) {
  give_pools(settings::JobKind::kTraining, settings::JobKind::kPack);
  sbatch_refusal_ = "Invalid account or account/partition combination specified";
  EXPECT_EQ(start(), 1);
  EXPECT_TRUE(record().given_up);
  EXPECT_THAT(record().verdict, HasSubstr("Invalid account"));
}

TEST_F(PoolsTest, while_a_run_is_at_work_more_are_asked_for_once_a_minute_at_most) {
  give_pools(settings::JobKind::kPack, settings::JobKind::kTraining);
  add_training();
  plan_.jobs.back().after = {kJob};
  launches_ = {[&](const RunQuestions& run) {
    begin_run();
    run.ended();
    EXPECT_THAT(asked("squeue"), SizeIs(1)) << "nothing is ready for the other";
    EXPECT_THAT(asked("sbatch"), IsEmpty());
    finish_job();
    clock_.advance(50s);
    run.ended();
    EXPECT_THAT(asked("sbatch"), IsEmpty());
    clock_.advance(11s);
    run.ended();
    EXPECT_THAT(asked("sbatch"), ElementsAre(HasSubstr("batch-002/script-000.sh")));
    end_run(orchestrator::RunEnd::kInterrupted);
    return 75;
  }};
  EXPECT_EQ(start(), 75);
}

// Its node was lost with its run in the middle of the last job: what runs by that run's journal is this one's to do.
TEST_F(PoolsTest, an_allocation_that_starts_again_takes_its_own_dead_run_for_over) {
  give_pools(settings::JobKind::kPack, settings::JobKind::kTraining);
  const auto lose_the_node = [&](const RunQuestions&) {
    begin_run();
    add_running_job();
    give_a_sign_of_life();
    return 1;
  };
  launches_ = {lose_the_node, [&](const RunQuestions&) {
                 begin_run();
                 finish_job();
                 end_run(orchestrator::RunEnd::kComplete);
                 return 0;
               }};
  EXPECT_EQ(start(), 75);
  EXPECT_EQ(start(1), 0);
  EXPECT_THAT(launched_, SizeIs(2));
  EXPECT_EQ(record().cause, EndCause::kComplete);
}

TEST_F(PoolsTest, of_several_allocations_one_looks_in_a_minute) {
  give_pools(settings::JobKind::kPack, settings::JobKind::kTraining);
  start();
  slurm::SubmissionFolder folder(files_, submission());
  EXPECT_TRUE(take_turn(files_, folder, kNoon + 5h));
  EXPECT_FALSE(take_turn(files_, folder, kNoon + 5h + 59s));
  EXPECT_TRUE(take_turn(files_, folder, kNoon + 5h + 60s));
  EXPECT_TRUE(take_turn(files_, folder, kNoon)) << "the last look was by a clock that is wrong";
}

TEST_F(PoolsTest, nothing_is_asked_for_while_the_suite_is_being_cancelled) {
  give_pools(settings::JobKind::kPack, settings::JobKind::kTraining);
  add_training();
  launches_ = {[&](const RunQuestions& run) {
    begin_run();
    ask_to_stop(orchestrator::cancelled_by("kim"));
    give_a_sign_of_life();
    run.ended();
    EXPECT_THAT(asked("sbatch"), IsEmpty());
    end_run(orchestrator::RunEnd::kInterrupted);
    return 75;
  }};
  start();
  EXPECT_THAT(asked("sbatch"), IsEmpty());
}

}  // namespace
}  // namespace resolute::operations::allocation_test
