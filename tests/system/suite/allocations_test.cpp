// Several runs side by side on one suite, and runs that are told to go: what allocations of a cluster do, without one.

#include <gmock/gmock.h>

#include <map>

#include "core/files/json.h"
#include "orchestrator/journal/journal.h"
#include "orchestrator/store/live.h"
#include "tests/system/program.h"
#include "tests/system/tiny_suite.h"

namespace resolute::system_test::allocations_test {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

core::SpawnRequest suite(const std::string& word, const fs::path& store, const Words& more = {}) {
  return program(joined({kBin / "resolute", "suite", word, kTinySuite, "--store", store}, more));
}

CommandOutput output_of(const core::SpawnRequest& request) { return core::run_command(request, tests::kPatience); }

std::vector<core::Json> log_of(const fs::path& store) {
  std::vector<core::Json> log;
  for (const std::string& line : lines_of(output_of(suite("log", store, {"--json"})).out))
    log.push_back(core::parse_json(line, "log"));
  return log;
}

// Events of one type, as the journals of all allocations have them.
std::vector<core::Json> events(const fs::path& store, const std::string& type) {
  std::vector<core::Json> found;
  for (const auto& line : log_of(store))
    if (line.at("type") == type) found.push_back(line);
  return found;
}

// One that found another's result in its place was never started.
void expect_each_job_once(const fs::path& store) {
  std::map<std::string, int> made;
  std::map<std::string, std::string> ids;
  for (const auto& line : log_of(store)) {
    const std::string job = line.at("allocation").dump() + ":" + line.at("event").value("job", core::Json()).dump();
    if (line.at("type") == "job-added") ids[job] = line.at("event").at("id");
    if (line.at("type") == "started") ++made[ids.at(job)];
  }
  EXPECT_THAT(made, SizeIs(11));
  for (const auto& [id, count] : made) EXPECT_EQ(count, 1) << id;
}

bool a_checkpoint_is_there(const fs::path& store) {
  std::error_code error;
  for (fs::recursive_directory_iterator it(store / "jobs", error), end; !error && it != end; it.increment(error))
    if (it->path().filename().string().starts_with("step-")) return true;
  return false;
}

enum class Clients { kSeeAll, kBelieve };

// kBelieve: as clients of NFS. Each process is a host, which believes for half a minute that what was not there is not
// there.
class AllocationsOnClients : public testing::TestWithParam<Clients> {
 protected:
  static core::SpawnRequest run(const fs::path& store, const Words& more = {}) {
    core::SpawnRequest request = suite("run", store, joined({"--slots", "1"}, more));
    if (GetParam() == Clients::kSeeAll) return request;
    request.environment["LD_PRELOAD"] = kBin / "store_shim.so";
    request.environment["RESOLUTE_SHIM_FOLDER"] = store;
    request.environment["RESOLUTE_SHIM_STALE_MS"] = "30000";
    return request;
  }
};

INSTANTIATE_TEST_SUITE_P(Stores, AllocationsOnClients, testing::Values(Clients::kSeeAll, Clients::kBelieve),
                         [](const auto& clients) {
                           return clients.param == Clients::kSeeAll ? "that_see_all" : "that_believe_what_they_know";
                         });

TEST_P(AllocationsOnClients, side_by_side_do_each_job_once_and_leave_the_same_tables) {
  ScratchFolder scratch;
  const fs::path store = scratch / "store";
  const pid_t first = core::spawn_process(run(store));
  const pid_t second = core::spawn_process(run(store, {"--allocation", "2"}));
  EXPECT_EQ(ended(first), "exit code 0");
  EXPECT_EQ(ended(second), "exit code 0");
  EXPECT_EQ(tables_of(store), undisturbed_tables());
  EXPECT_TRUE(fs::exists(store / "suites/tiny@2/journal-000001"));
  EXPECT_FALSE(fs::exists(store / "suites/tiny@2/tables"));
  expect_each_job_once(store);
}

TEST_P(AllocationsOnClients,
       one_for_packs_and_evaluations_and_one_for_trainings_leave_the_same_tables_though_one_is_killed) {
  ScratchFolder scratch;
  const fs::path store = scratch / "store";
  const pid_t others = core::spawn_process(run(store, {"--kinds", "pack,evaluation"}));
  const core::SpawnRequest trainings =
      run(store, {"--kinds", "training", "--allocation", "2", "--checkpoint-every", "5"});
  const pid_t killed = core::spawn_process(trainings);
  ASSERT_TRUE(wait_until([&] { return a_checkpoint_is_there(store); }));
  ::kill(killed, SIGKILL);
  EXPECT_EQ(ended(killed), "killed by signal 9");
  EXPECT_EQ(ended(core::spawn_process(trainings)), "exit code 0");
  EXPECT_EQ(ended(others), "exit code 0");
  EXPECT_EQ(tables_of(store), undisturbed_tables());
  std::map<std::string, std::string> kinds;
  for (const auto& line : log_of(store)) {
    const std::string job = line.at("allocation").dump() + ":" + line.at("event").value("job", core::Json()).dump();
    if (line.at("type") == "job-added") kinds[job] = line.at("event").at("kind");
    if (line.at("type") != "started") continue;
    EXPECT_EQ(kinds.at(job) == "training", line.at("allocation") == 2) << line;
  }
}

// As a cluster suspends an allocation for others: longer than other runs wait for a run that stands still.
TEST(Allocations, one_that_stood_still_leaves_its_job_to_the_one_that_took_it) {
  ScratchFolder scratch;
  const fs::path store = scratch / "store";
  const Words slow = {"--slots", "1", "--set", "train.steps=600", "--checkpoint-every", "20", "--only", "baseline"};
  const pid_t first = core::spawn_process(suite("run", store, slow));
  ASSERT_TRUE(wait_until([&] { return a_checkpoint_is_there(store); }));
  const std::vector<pid_t> all = processes_with({store.string()});
  for (const pid_t process : all) ::kill(process, SIGSTOP);
  const pid_t second = core::spawn_process(suite("run", store, joined(slow, {"--allocation", "2"})));
  EXPECT_TRUE(wait_until([&] {
    const auto live = orchestrator::read_live(core::real_file_system(), store / "suites/tiny@2");
    return live && std::any_of(live->running.begin(), live->running.end(),
                               [](const auto& attempt) { return attempt.attempt == 2 && attempt.step > 0; });
  }));
  for (const pid_t process : all) ::kill(process, SIGCONT);
  EXPECT_EQ(ended(first), "exit code 0");
  EXPECT_EQ(ended(second), "exit code 0");
  EXPECT_THAT(events(store, "claim-lost"), SizeIs(1));
  std::map<std::string, std::string> ids;
  std::set<std::string> started;  // what another run has finished is not
  std::map<std::string, int> ran_to_the_end;
  for (const auto& line : log_of(store)) {
    const core::Json& event = line.at("event");
    const std::string job = line.at("allocation").dump() + ":" + event.value("job", core::Json()).dump();
    if (line.at("type") == "job-added") ids[job] = event.at("id");
    if (line.at("type") == "started") started.insert(job + event.at("attempt").dump());
    if (line.at("type") == "rank-exited" && started.contains(job + event.at("attempt").dump()) &&
        event.at("code") == 0 && event.at("signal") == 0)
      ++ran_to_the_end[ids.at(job)];
  }
  EXPECT_THAT(ran_to_the_end, SizeIs(7));
  for (const auto& [id, count] : ran_to_the_end) EXPECT_EQ(count, 1) << id;
}

TEST(Allocations, status_and_cancel_know_all_of_them) {
  ScratchFolder scratch;
  const fs::path store = scratch / "store";
  const Words slow = {"--slots", "1", "--set", "train.steps=3000"};
  const pid_t first = core::spawn_process(suite("run", store, slow));
  const pid_t second = core::spawn_process(suite("run", store, joined(slow, {"--allocation", "7"})));
  const auto status = [&] {
    const core::Json output = json_of(output_of(suite("status", store, {"--json", "--set", "train.steps=3000"})));
    return output;
  };
  ASSERT_TRUE(wait_until([&] { return status().at("jobs").at("running") == 2; }));
  succeeded(output_of(suite("cancel", store, {"--set", "train.steps=3000"})));
  EXPECT_EQ(ended(first), "exit code 75");
  EXPECT_EQ(ended(second), "exit code 75");
  EXPECT_EQ(status().at("jobs").at("running"), 0);
  EXPECT_THAT(output_of(suite("log", store)).out, HasSubstr("allocation 7:\n"));
}

TEST(Allocations, a_notice_ends_the_run_with_its_cause_and_the_next_one_goes_on_from_the_checkpoint) {
  for (const bool near : {false, true}) {
    ScratchFolder scratch;
    const fs::path store = scratch / "store";
    auto request = suite("run", store, {"--slots", "1", "--checkpoint-every", "5", "--walltime", near ? "3" : "600"});
    const pid_t run = core::spawn_process(request);
    ASSERT_TRUE(wait_until([&] { return a_checkpoint_is_there(store); }));
    ::kill(run, SIGUSR1);
    ::kill(run, SIGUSR1);  // a second one takes no checkpoint away
    EXPECT_EQ(ended(run), "exit code 75");
    const auto stops = events(store, "stop-requested");
    ASSERT_THAT(stops, SizeIs(1));
    EXPECT_EQ(stops[0].at("event").at("cause"), near ? "walltime" : "preempted");
    const auto ends = events(store, "attempt-ended");
    EXPECT_FALSE(ends.empty());
    for (const auto& end : ends) EXPECT_EQ(end.at("event").at("cause"), near ? "walltime" : "preempted") << end;
    succeeded(output_of(suite("run", store, {"--slots", "2"})));
    EXPECT_EQ(tables_of(store), undisturbed_tables());
  }
}

TEST(Allocations, a_terminal_that_goes_away_ends_a_run_in_order_unless_that_is_to_be_ignored) {
  for (const bool ignored : {false, true}) {
    ScratchFolder scratch;
    const fs::path store = scratch / "store";
    auto request = suite("run", store, {"--slots", "1", "--checkpoint-every", "5"});
    if (ignored) request.arguments.insert(request.arguments.begin(), "nohup");
    const pid_t run = core::spawn_process(request);
    ASSERT_TRUE(wait_until([&] { return a_checkpoint_is_there(store); }));
    ::kill(run, SIGHUP);
    EXPECT_EQ(ended(run), ignored ? "exit code 0" : "exit code 75");
    for (const auto& end : events(store, "attempt-ended")) EXPECT_EQ(end.at("event").at("cause"), "interrupted") << end;
  }
}

TEST(Allocations, several_sigterms_of_a_batch_system_leave_time_for_the_checkpoint) {
  ScratchFolder scratch;
  const fs::path store = scratch / "store";
  auto request = suite("run", store, {"--slots", "1", "--checkpoint-every", "2000", "--set", "train.steps=2000"});
  request.environment["SLURM_JOB_ID"] = "7";
  request.environment["SLURM_JOB_NAME"] = "a-job-of-no-cluster";
  request.environment["SLURM_CONF"] = store / "none";
  const pid_t run = core::spawn_process(request);
  ASSERT_TRUE(wait_until([&] {
    return !processes_with({"resolute-worker", "train", store.string()}).empty() || !events(store, "started").empty();
  }));
  // In the middle of a training: its first checkpoint is the one that the signal asks for.
  ASSERT_TRUE(wait_until([&] {
    std::error_code error;
    for (fs::recursive_directory_iterator it(store / "jobs", error), end; !error && it != end; it.increment(error))
      if (it->path().filename().string().ends_with("-metrics.jsonl") && fs::file_size(it->path(), error) > 0)
        return true;
    return false;
  }));
  for (int i = 0; i < 4; ++i) ::kill(run, SIGTERM);
  EXPECT_EQ(ended(run), "exit code 75");
  const auto ends = events(store, "attempt-ended");
  EXPECT_FALSE(ends.empty());
  for (const auto& end : ends) EXPECT_EQ(end.at("event").at("cause"), "interrupted") << end;
  EXPECT_TRUE(a_checkpoint_is_there(store));
}

TEST(Allocations, tasks_of_srun_without_pmix_are_refused_in_one_line) {
  ScratchFolder scratch;
  auto request = suite("run", scratch / "store");
  request.environment["SLURM_STEP_NUM_TASKS"] = "2";
  request.environment["SLURM_PROCID"] = "0";
  expect_refusal(output_of(request), 2, "--mpi=pmix");
}

// A run of the suite beside ours, that had a GPU for an hour.
void write_run_on_a_gpu(const fs::path& store) {
  using namespace orchestrator;
  const fs::path folder = store / "suites/tiny@2";
  fs::create_directories(folder);
  const Instant begin{std::chrono::hours(480'000)}, end = begin + std::chrono::hours(1);
  JobAdded job;
  job.id = {std::string(64, 'a')};
  job.kind = "training";
  job.gpus = true;
  JournalWriter journal(core::real_file_system(), folder, {1, 0, std::string(32, 'a'), begin});
  for (const Event& event :
       {Event(RunStarted{1, std::string(32, 'a'), "node", 1, -1, {}}), Event(job),
        Event(AgentJoined{{0}, "node", 1, 1, 0, ""}), Event(Placed{{0}, 1, {{{0}, 1}}, -1, "", begin})})
    journal.append(event, begin);
  for (const Event& event :
       {Event(RankExited{{0}, 1, 0, 0, 0, ""}), Event(JobSucceeded{{0}, 1}), Event(RunEnded{RunEnd::kComplete, ""})})
    journal.append(event, end);
  journal.sync();
}

TEST(Allocations, one_whose_suite_has_spent_its_gpu_hours_stops_as_if_cancelled) {
  ScratchFolder scratch;
  const fs::path store = scratch / "store";
  write_run_on_a_gpu(store);
  const auto run = [&](const std::string& hours) {
    return output_of(suite("run", store, {"--slots", "1", "--most-gpu-hours", hours}));
  };
  const auto stopped = run("0.5");
  EXPECT_EQ("exit code 75", core::describe(stopped.status)) << stopped.err;
  EXPECT_THAT(stopped.err, HasSubstr("cancelled by --most-gpu-hours 0.5"));
  EXPECT_EQ("exit code 0", core::describe(run("1.5").status)) << "a higher limit goes on";
  for (const char* none : {"0", "-1", "nan"}) EXPECT_EQ("exit code 2", core::describe(run(none).status)) << none;
}

}  // namespace
}  // namespace resolute::system_test::allocations_test
