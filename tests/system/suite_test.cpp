// A suite as users run it: alone, under mpirun, again, and killed.

#include "core/json.h"
#include "tests/system/program.h"

namespace resolute::system_test {
namespace {

std::vector<std::string> suite_run(const fs::path& store, const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments = {"suite", "run", kTinySuite, "--store", store, "--checkpoint-every", "5"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

std::string tables_of(const fs::path& store) {
  return text_of(store / "suites/tiny/tables/all.md") + text_of(store / "suites/tiny/tables/tables.json");
}

// The tables of a run that nobody disturbed, made once for all tests here.
const std::string& undisturbed_tables() {
  static const std::string kTables = [] {
    ScratchFolder scratch;
    auto output = resolute(suite_run(scratch / "store", {"--slots", "2"}));
    EXPECT_EQ(code_of(output), 0) << output.err;
    return tables_of(scratch / "store");
  }();
  return kTables;
}

// A suite under mpirun in the background, in a process group of its own.
class MpiRun {
 public:
  MpiRun(const fs::path& store, int processes, const std::vector<std::string>& mpirun_options = {}) {
    core::SpawnRequest request;
    request.arguments = {"mpirun", "-np", std::to_string(processes)};
    request.arguments.insert(request.arguments.end(), mpirun_options.begin(), mpirun_options.end());
    request.arguments.push_back(kBin / "resolute");
    for (auto& argument : suite_run(store, {"--slots", "1"})) request.arguments.push_back(argument);
    request.environment = program_environment();
    pid_ = core::spawn_process(request);
  }
  MpiRun(const MpiRun&) = delete;
  MpiRun& operator=(const MpiRun&) = delete;
  ~MpiRun() {
    if (pid_ > 0) {
      ::kill(-pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }
  core::ExitStatus wait() {
    int word = 0;
    ::waitpid(pid_, &word, 0);
    pid_ = -1;
    return core::to_exit_status(word);
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
};

// Process ids of the suite's MPI ranks, in the order of their start: rank 0 first.
std::vector<pid_t> suite_ranks(const MpiRun& run, const fs::path& store) {
  std::vector<pid_t> ranks;
  for (pid_t pid : processes_with({"suite", "run", store.string()})) {
    std::ifstream status("/proc/" + std::to_string(pid) + "/stat");
    std::string text((std::istreambuf_iterator<char>(status)), {});
    auto after = text.rfind(") ");
    if (after != std::string::npos && std::stol(text.substr(after + 4)) == run.pid()) ranks.push_back(pid);
  }
  std::sort(ranks.begin(), ranks.end());
  return ranks;
}

bool training_under_way(const fs::path& store) {
  // A checkpoint on disk: the kill lands in mid-training.
  std::error_code error;
  for (fs::recursive_directory_iterator it(store / "jobs", error), end; it != end; it.increment(error)) {
    if (error) return false;
    if (it->path().parent_path().filename() == "checkpoints" && it->path().extension() == ".safetensors") return true;
  }
  return false;
}

void finish_and_compare(const fs::path& store) {
  auto output = resolute(suite_run(store, {"--slots", "2"}));
  EXPECT_EQ(code_of(output), 0) << output.err;
  EXPECT_EQ(tables_of(store), undisturbed_tables());
}

TEST(SuiteTest, run_again_it_starts_no_job_and_changes_no_byte) {
  ScratchFolder scratch;
  auto first = resolute(suite_run(scratch / "store", {"--slots", "2"}));
  ASSERT_EQ(code_of(first), 0) << first.err;
  std::string tables = tables_of(scratch / "store");
  auto attempts = [&] {
    int count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(scratch / "store"))
      if (entry.path().filename() == "stderr") ++count;
    return count;
  };
  int before = attempts();
  auto second = resolute(suite_run(scratch / "store"));
  EXPECT_EQ(code_of(second), 0) << second.err;
  EXPECT_EQ(attempts(), before);
  EXPECT_EQ(tables_of(scratch / "store"), tables);
  EXPECT_EQ(tables, undisturbed_tables());

  auto status = resolute({"suite", "status", kTinySuite, "--store", scratch / "store", "--json"});
  auto document = core::parse_json(status.out, "status");
  EXPECT_EQ(document["jobs"]["succeeded"], 11);  // 2 shards, a seal, 2 rows × 2 trials trained and evaluated
  EXPECT_EQ(document["jobs"]["waiting"], 0);
  EXPECT_TRUE(document["failures"].empty());

  auto table =
      core::parse_json(resolute({"suite", "table", kTinySuite, "--store", scratch / "store", "--json"}).out, "t");
  EXPECT_EQ(table["suite"], "tiny");
  EXPECT_EQ(table["complete"], true);
  EXPECT_EQ(table["tables"][0]["rows"].size(), 2U);
  EXPECT_EQ(table["tables"][0]["rows"][0]["cells"][0]["trials"], 2);
}

TEST(SuiteTest, mpirun_of_a_coordinator_and_two_agents_gives_the_same_tables) {
  ScratchFolder scratch;
  MpiRun run(scratch / "store", 3);
  auto status = run.wait();
  EXPECT_EQ(core::describe(status), "exit code 0");
  EXPECT_EQ(tables_of(scratch / "store"), undisturbed_tables());
}

TEST(SuiteTest, training_rank_killed_is_tried_again_within_the_run) {
  ScratchFolder scratch;
  fs::path store = scratch / "store";
  MpiRun run(store, 3);
  ASSERT_TRUE(wait_until([&] { return training_under_way(store); }));
  std::vector<pid_t> workers;
  ASSERT_TRUE(wait_until([&] { return !(workers = processes_with({"resolute-worker", store.string()})).empty(); }));
  ASSERT_EQ(::kill(workers.front(), SIGKILL), 0);
  EXPECT_EQ(core::describe(run.wait()), "exit code 0");
  EXPECT_EQ(tables_of(store), undisturbed_tables());
}

TEST(SuiteTest, agent_killed_under_recovery_loses_attempts_only) {
  ScratchFolder scratch;
  fs::path store = scratch / "store";
  MpiRun run(store, 3, {"--enable-recovery"});
  ASSERT_TRUE(wait_until([&] { return training_under_way(store); }));
  auto ranks = suite_ranks(run, store);
  ASSERT_EQ(ranks.size(), 3U);
  ASSERT_EQ(::kill(ranks.back(), SIGKILL), 0);
  run.wait();
  EXPECT_TRUE(wait_until([&] { return processes_with({"resolute-worker", store.string()}).empty(); }));
  EXPECT_TRUE(fs::exists(store / "suites/tiny/tables/all.md"));
  finish_and_compare(store);
}

TEST(SuiteTest, coordinator_killed_leaves_nothing_running_and_goes_on_when_started_again) {
  ScratchFolder scratch;
  fs::path store = scratch / "store";
  MpiRun run(store, 3);
  ASSERT_TRUE(wait_until([&] { return training_under_way(store); }));
  auto ranks = suite_ranks(run, store);
  ASSERT_EQ(ranks.size(), 3U);
  ASSERT_EQ(::kill(ranks.front(), SIGKILL), 0);
  EXPECT_NE(core::describe(run.wait()), "exit code 0");
  EXPECT_TRUE(wait_until([&] { return processes_with({store.string()}).empty(); }));
  EXPECT_FALSE(fs::exists(store / "suites/tiny/tables/all.md"));
  finish_and_compare(store);
}

}  // namespace
}  // namespace resolute::system_test
