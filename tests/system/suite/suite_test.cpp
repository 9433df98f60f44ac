// A suite as users run it: alone, under mpirun, again, and killed.

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <utility>

#include "core/files/json.h"
#include "tests/system/held_training.h"
#include "tests/system/program.h"
#include "tests/system/tiny_suite.h"

namespace resolute::system_test::suite_test {
namespace {

std::vector<std::string> suite_run(const fs::path& store, const std::vector<std::string>& more = {}) {
  return joined({"suite", "run", kTinySuite, "--store", store, "--checkpoint-every", "5"}, more);
}

// A suite under mpirun in the background, in a process group of its own.
class MpiRun {
 public:
  MpiRun(const fs::path& store, int processes, const std::vector<std::string>& mpirun_options = {}) {
    const Words mpirun = joined({"mpirun", "-np", std::to_string(processes)}, mpirun_options);
    const Words run = joined({kBin / "resolute"}, suite_run(store, {"--slots", "1"}));
    pid_ = core::spawn_process(program(joined(mpirun, run)));
  }
  MpiRun(const MpiRun&) = delete;
  MpiRun& operator=(const MpiRun&) = delete;
  ~MpiRun() {
    if (pid_ > 0) {
      ::kill(-pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }
  std::string wait() { return ended(std::exchange(pid_, -1)); }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
};

// Process ids of the suite's MPI ranks, in the order of their start: rank 0 first.
std::vector<pid_t> suite_ranks(const MpiRun& run, const fs::path& store) {
  std::vector<pid_t> ranks;
  for (pid_t pid : processes_with({"suite", "run", store.string()}))
    if (state_and_parent(pid).second == run.pid()) ranks.push_back(pid);
  std::sort(ranks.begin(), ranks.end());
  return ranks;
}

// What `suite log` shows: events of a type, of all jobs or one; each with its epoch.
std::vector<core::Json> log_of(const fs::path& store, const std::set<std::string>& types, const std::string& job = "") {
  std::vector<std::string> arguments = {"suite", "log", kTinySuite, "--store", store, "--json"};
  if (!job.empty()) arguments.insert(arguments.end(), {"--job", job});
  auto output = succeeded(resolute(arguments));
  std::istringstream lines(output.out);
  std::vector<core::Json> events;
  for (std::string line; std::getline(lines, line);) {
    core::Json event = core::parse_json(line, "suite log");
    if (types.contains(event["type"].get<std::string>())) events.push_back(std::move(event));
  }
  return events;
}

// The second attempt went on from a checkpoint of the first, and the log shows it, with the first one's cause to end;
// where that was its coordinator's end, the next run writes it down. Equal tables do not show it: a training from
// scratch ends with them too.
void expect_resumed(const fs::path& store, const std::string& job, const std::string& cause) {
  const fs::path metrics = store / "jobs" / job.substr(0, 2) / job / "attempt-002-metrics.jsonl";
  ASSERT_TRUE(fs::exists(metrics)) << metrics;
  std::ifstream file(metrics);
  std::string line;
  std::getline(file, line);
  const int first = core::parse_json(line, "metrics").at("step").get<int>();
  EXPECT_GT(first, 5);  // --checkpoint-every 5
  EXPECT_EQ(first % 5, 1);

  auto ended = log_of(store, {"attempt-ended"}, job);
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0]["event"]["attempt"], 1);
  EXPECT_EQ(ended[0]["event"]["cause"], cause);
  auto started = log_of(store, {"started"}, job);
  ASSERT_EQ(started.size(), 2U);
  EXPECT_EQ(started[1]["event"]["attempt"], 2);
  EXPECT_EQ(started[1]["epoch"], cause == "coordinator-lost" ? 2 : 1);
  auto succeeded = log_of(store, {"job-succeeded"}, job);
  ASSERT_EQ(succeeded.size(), 1U);
  EXPECT_EQ(succeeded[0]["event"]["attempt"], 2);
}

void finish_and_compare(const fs::path& store) {
  succeeded(resolute(suite_run(store, {"--slots", "2"})));
  EXPECT_EQ(tables_of(store), undisturbed_tables());
}

// Each job's folder with all in it. Quotas count them, and a suite has as many jobs as it likes.
void expect_few_inodes(const fs::path& store) {
  const std::map<std::string, int> most = {{"shard", 3}, {"seal", 3}, {"evaluation", 5}, {"training", 6}};
  int jobs = 0;
  for (const auto& prefix : fs::directory_iterator(store / "jobs"))
    for (const auto& job : fs::directory_iterator(prefix.path())) {
      const std::string kind = core::parse_json(text_of(job.path() / "spec.json"), "spec.json").at("kind");
      // A second name of a file of another job is none.
      const auto below = std::count_if(
          fs::recursive_directory_iterator(job.path()), fs::recursive_directory_iterator(), [&](const auto& entry) {
            return !(kind == "training" && entry.path().filename().string().starts_with("kept-features-"));
          });
      EXPECT_LE(1 + below, most.at(kind)) << kind << " " << job.path();
      for (const auto& entry : fs::directory_iterator(job.path())) {
        if (!entry.path().filename().string().starts_with("kept-features-")) continue;
        EXPECT_EQ(fs::hard_link_count(entry.path()), 2U) << entry.path();
      }
      ++jobs;
    }
  EXPECT_EQ(jobs, 11);
}

TEST(SuiteTest, run_again_it_starts_no_job_and_changes_no_byte) {
  ScratchFolder scratch;
  succeeded(resolute(suite_run(scratch / "store", {"--slots", "2"})));
  std::string tables = tables_of(scratch / "store");
  expect_few_inodes(scratch / "store");
  const auto attempts = [&] { return log_of(scratch / "store", {"placed"}).size(); };
  const auto before = attempts();
  succeeded(resolute(suite_run(scratch / "store")));
  EXPECT_EQ(attempts(), before);
  EXPECT_EQ(tables_of(scratch / "store"), tables);
  EXPECT_EQ(tables, undisturbed_tables());

  auto status = resolute({"suite", "status", kTinySuite, "--store", scratch / "store", "--json"});
  auto document = core::parse_json(status.out, "status");
  EXPECT_EQ(document["jobs"]["succeeded"], 11);  // 2 shards, a seal, 2 rows × 2 trials trained and evaluated
  EXPECT_EQ(document["jobs"]["waiting"], 0);
  EXPECT_TRUE(document["failures"].empty());

  auto table = json_of(resolute({"suite", "table", kTinySuite, "--store", scratch / "store", "--json"}));
  EXPECT_EQ(table["suite"], "tiny");
  EXPECT_EQ(table["complete"], true);
  EXPECT_EQ(table["tables"][0]["rows"].size(), 2U);
  EXPECT_EQ(table["tables"][0]["rows"][0]["cells"][0]["trials"], 2);
  // From the scores of queries that the evaluations left.
  const core::Json& cells = table["tables"][0]["rows"][1]["cells"];
  for (std::size_t metric = 0; metric < 2; ++metric) {
    const core::Json& difference = cells[metric]["difference"];
    EXPECT_EQ(difference["to"], "baseline");
    EXPECT_EQ(difference["trials"], 2);
    EXPECT_NEAR(
        difference["mean"].get<double>(),
        cells[metric]["mean"].get<double>() - table["tables"][0]["rows"][0]["cells"][metric]["mean"].get<double>(),
        1e-9);
    EXPECT_LE(difference["low"], difference["mean"]);
    EXPECT_GE(difference["high"], difference["mean"]);
  }
  EXPECT_EQ(cells[2]["metric"], "resolution_probe");
  EXPECT_TRUE(cells[2]["difference"].is_null());
  EXPECT_EQ(cells[2]["chance"], 50.0);
}

TEST(SuiteTest, mpirun_of_a_coordinator_and_two_agents_gives_the_same_tables) {
  ScratchFolder scratch;
  MpiRun run(scratch / "store", 3);
  EXPECT_EQ(run.wait(), "exit code 0");
  EXPECT_EQ(tables_of(scratch / "store"), undisturbed_tables());
}

TEST(SuiteTest, training_rank_killed_is_tried_again_within_the_run) {
  ScratchFolder scratch;
  fs::path store = scratch / "store";
  MpiRun run(store, 3);
  const Training training = wait_for_a_training(store);
  ASSERT_GT(training.worker, 0);
  ASSERT_EQ(::kill(training.worker, SIGKILL), 0);
  EXPECT_EQ(run.wait(), "exit code 0");
  EXPECT_EQ(tables_of(store), undisturbed_tables());
  expect_resumed(store, training.job, "signal");
  auto exits = log_of(store, {"rank-exited"}, training.job);
  EXPECT_TRUE(std::any_of(exits.begin(), exits.end(), [](const core::Json& exit) {
    return exit["event"]["attempt"] == 1 && exit["event"]["signal"] == SIGKILL;
  }));
}

TEST(SuiteTest, agent_killed_under_recovery_loses_attempts_only) {
  ScratchFolder scratch;
  fs::path store = scratch / "store";
  MpiRun run(store, 3, {"--enable-recovery"});
  const Training training = wait_for_a_training(store);
  ASSERT_GT(training.worker, 0);
  auto ranks = suite_ranks(run, store);
  ASSERT_EQ(ranks.size(), 3U);
  // Between the worker and its agent stand the spawner and the spawner's guard.
  pid_t agent = training.worker;
  while (agent > 1 && std::count(ranks.begin(), ranks.end(), agent) == 0) agent = state_and_parent(agent).second;
  ASSERT_EQ(std::count(ranks.begin() + 1, ranks.end(), agent), 1);
  ASSERT_EQ(::kill(agent, SIGKILL), 0);
  EXPECT_EQ(run.wait(), "exit code 0");
  EXPECT_TRUE(wait_until([&] { return processes_with({"resolute-worker", store.string()}).empty(); }));

  auto events = log_of(store, {"agent-lost", "job-succeeded", "run-ended"});
  auto lost =
      std::find_if(events.begin(), events.end(), [](const core::Json& it) { return it["type"] == "agent-lost"; });
  ASSERT_NE(lost, events.end());
  EXPECT_TRUE(std::any_of(lost, events.end(), [](const core::Json& it) { return it["type"] == "job-succeeded"; }));
  EXPECT_EQ(events.back()["type"], "run-ended");
  EXPECT_EQ(events.back()["event"]["end"], "complete");
  expect_resumed(store, training.job, "agent-lost");
  EXPECT_EQ(tables_of(store), undisturbed_tables());
  finish_and_compare(store);
}

TEST(SuiteTest, coordinator_killed_leaves_nothing_running_and_goes_on_when_started_again) {
  ScratchFolder scratch;
  fs::path store = scratch / "store";
  MpiRun run(store, 3);
  const Training training = wait_for_a_training(store);
  ASSERT_GT(training.worker, 0);
  auto ranks = suite_ranks(run, store);
  ASSERT_EQ(ranks.size(), 3U);
  ASSERT_EQ(::kill(ranks.front(), SIGKILL), 0);
  EXPECT_NE(run.wait(), "exit code 0");
  EXPECT_TRUE(wait_until([&] { return processes_with({store.string()}).empty(); }));
  EXPECT_FALSE(fs::exists(store / "suites/tiny/tables/all.md"));
  finish_and_compare(store);
  expect_resumed(store, training.job, "coordinator-lost");
}

// mpirun with a coordinator and two agents, the second one's kernels bound to AVX2.
Words on_two_kinds(const Words& arguments) {
  const Words one = joined({"-n", "1"}, arguments);
  Words words = joined({"mpirun"}, one);
  words = joined(joined(words, {":", "-n", "1", "-x", "ONEDNN_MAX_CPU_ISA=AVX2", "-x", "ATEN_CPU_CAPABILITY=avx2"}),
                 arguments);
  return joined(joined(words, {":"}), one);
}

TEST(SuiteTest, agents_of_two_numeric_classes_leave_every_number_and_every_interval) {
  const ScratchFolder scratch;
  const Words suite{"--store", scratch / "store", "--set", "trials=3"};
  const Words run = joined({(kBin / "resolute").string(), "suite", "run", kTinySuite, "--slots", "1"}, suite);
  succeeded(run_program(on_two_kinds(run)));
  const core::Json table =
      core::parse_json(succeeded(resolute(joined({"suite", "table", kTinySuite, "--json"}, suite))).out, "tables")
          .at("tables")
          .at(0);
  bool footnoted = false;
  for (const core::Json& row : table.at("rows"))
    for (const core::Json& cell : row.at("cells")) {
      EXPECT_TRUE(cell.at("mean").is_number()) << cell;
      if (row.at("id") != "baseline" && cell.at("metric") != "resolution_probe")
        EXPECT_TRUE(cell.at("difference").is_object()) << cell;
      footnoted = footnoted || cell.contains("own_footnotes") ||
                  (cell.at("difference").is_object() && cell.at("difference").contains("footnotes"));
    }
  EXPECT_TRUE(footnoted) << "both agents had trainings";
  // Their instructions differ too where libtorch would use more than AVX2 of the processor.
  EXPECT_THAT(table.at("footnotes").at(0).get<std::string>(),
              AllOf(HasSubstr("which differ in "), HasSubstr("kernels (ONEDNN_MAX_CPU_ISA:AVX2, default)")));
}

TEST(Suite, is_the_file_that_it_was_made_from_and_not_a_name) {
  ScratchFolder scratch;
  const fs::path store = scratch / "store", one = scratch / "one.toml", other = scratch / "other.toml";
  const std::string text = core::read_text(core::real_file_system(), kTinySuite);
  core::write_atomic(core::real_file_system(), one, text);
  core::write_atomic(core::real_file_system(), other, text + "# another\n");
  const auto with = [&](const Words& words, const fs::path& file, const Words& more = {}) {
    return resolute(joined(joined(words, {file, "--store", store}), more));
  };
  // Nothing of it need be done: it has begun.
  with({"suite", "run"}, one, {"--max-jobs", "1", "--slots", "1"});
  for (const char* verb : {"run", "status", "cancel", "table", "report", "log", "submit", "resume", "compact"}) {
    const auto refused = with({"suite", verb}, other);
    EXPECT_EQ("exit code 2", core::describe(refused.status)) << verb;
    EXPECT_THAT(refused.err, testing::HasSubstr("is another file's, '" + one.string() + "'")) << verb;
  }
  EXPECT_EQ("exit code 0", core::describe(with({"suite", "plan"}, other).status)) << "it touches nothing";
  EXPECT_EQ("exit code 0", core::describe(with({"suite", "status"}, other, {"--same-suite"}).status));
  core::write_atomic(core::real_file_system(), one, text + "# edited\n");
  EXPECT_EQ("exit code 0", core::describe(with({"suite", "status"}, one).status));
  EXPECT_EQ("exit code 0", core::describe(with({"suite", "status"}, one, {"--set", "trials=1"}).status))
      << "other settings make no other suite";
}

}  // namespace
}  // namespace resolute::system_test::suite_test
