// `resolute store gc` beside runs, killed and stopped at any moment: tables do not notice.

#include <sys/stat.h>

#include <csignal>
#include <map>
#include <numeric>
#include <set>
#include <thread>

#include "core/files/file_system.h"
#include "core/hash/sha256.h"
#include "core/random/random.h"
#include "tests/support/slice.h"
#include "tests/system/cluster/fake_slurm.h"
#include "tests/system/tiny_suite.h"

namespace resolute::system_test::gc_test {
namespace {

using std::chrono::milliseconds;

// A suite of two seconds, for what is done many times.
const Words kSmall{kTinySuite, "--set", "trials=1", "--set", "train.steps=4"};

Words run_of(const fs::path& store) {
  return joined(joined({"suite", "run"}, kSmall), {"--store", store, "--slots", "2"});
}
Words gc_of(const fs::path& store) { return {"store", "gc", store, "--yes", "--older-than", "0:00"}; }

pid_t start(core::SpawnRequest request) {
  std::FILE* none = std::fopen("/dev/null", "w");
  request.descriptors = {{1, ::fileno(none)}, {2, ::fileno(none)}};
  const pid_t process = core::spawn_process(request);
  std::fclose(none);
  return process;
}

core::SpawnRequest run_in(const fs::path& store) { return program(joined({kBin / "resolute"}, run_of(store))); }

// A collection on a store that takes its time to move each thing into the trash, so that a kill finds some of it there.
// \param control a file outside of the store
core::SpawnRequest slow_gc_in(const fs::path& store, const fs::path& control) {
  write(control, "rename taken- 0 30\n");
  core::SpawnRequest request = program(joined({kBin / "resolute"}, gc_of(store)));
  request.environment["LD_PRELOAD"] = kBin / "store_shim.so";
  request.environment["RESOLUTE_SHIM_FOLDER"] = store;
  request.environment["RESOLUTE_SHIM_CONTROL"] = control;
  return request;
}

// Which file the result of each job of the store is.
std::map<std::string, ino_t> results_in(const fs::path& store) {
  std::map<std::string, ino_t> found;
  for (const auto& entry : fs::recursive_directory_iterator(store / "jobs")) {
    struct stat status {};
    if (entry.path().filename() == "result.json" && ::stat(entry.path().c_str(), &status) == 0)
      found[entry.path().parent_path().filename()] = status.st_ino;
  }
  return found;
}

// Jobs that a collection has taken, and that have to come back.
std::set<std::string> undecided_jobs(const fs::path& store) {
  std::set<std::string> found;
  for (const std::string& folder : core::real_file_system().list(store / "trash")) {
    if (!folder.starts_with("taken-") && !folder.starts_with("back-")) continue;
    for (const std::string& item : core::real_file_system().list(store / "trash" / folder))
      if (const std::string job = item.substr(item.rfind(':') + 1); core::is_sha256_hex(job)) found.insert(job);
  }
  return found;
}

void pause(core::RandomStream& random, std::chrono::microseconds most) {
  std::this_thread::sleep_for(std::chrono::microseconds(random.below(static_cast<std::uint64_t>(most.count()))));
}

// Lets a collection that takes `length` begin, and kills it, or stops it for a while. True if it was at work still.
bool disturb(pid_t gc, core::RandomStream& random, std::chrono::microseconds length) {
  pause(random, length);
  if (random.below(3) == 0) {
    ::kill(gc, SIGSTOP);
    pause(random, milliseconds(500));
    ::kill(gc, SIGCONT);
    pause(random, length / 2);
  }
  ::kill(gc, SIGKILL);
  int word = 0;
  ::waitpid(gc, &word, 0);
  return WIFSIGNALED(word);
}

class GcOfAFinishedStore : public SharedFolder {
 protected:
  static void SetUpTestSuite() {
    SharedFolder::SetUpTestSuite();
    succeeded(resolute(run_of(store())));
    ScratchFolder scratch;
    const fs::path orphans = orphaned(scratch);
    const auto begin = std::chrono::steady_clock::now();
    ASSERT_EQ(ended(start(slow_gc_in(orphans, scratch / "slow"))), "exit code 0");
    length_ = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin);
  }
  // A copy of the store, without the suite: its jobs are nobody's.
  static fs::path orphaned(const ScratchFolder& scratch) {
    fs::copy(store(), scratch / "store", fs::copy_options::recursive);
    fs::remove_all(scratch / "store/suites/tiny");
    return scratch / "store";
  }

  static inline std::chrono::microseconds length_{};  // of a collection of orphaned() that nobody disturbs
};

TEST_F(GcOfAFinishedStore, in_a_loop_beside_a_running_suite_costs_no_table_a_byte) {
  const int least = tests::slice_commit().empty() ? 50 : 1;
  core::RandomStream random("gc beside a run " + tests::slice_commit(), {});
  for (int kills = 0; kills < least;) {
    ScratchFolder scratch;
    const fs::path store = scratch / "store";
    fs::create_directories(store);
    const pid_t run = start(run_in(store));
    int word = 0;
    while (::waitpid(run, &word, WNOHANG) == 0)
      if (disturb(start(program(joined({kBin / "resolute"}, gc_of(store)))), random, milliseconds(80))) ++kills;
    EXPECT_EQ(core::describe(core::to_exit_status(word)), "exit code 0");
    EXPECT_EQ(tables_of(store), tables_of(GcOfAFinishedStore::store()));
    succeeded(resolute(gc_of(store)));
    succeeded(resolute({"store", "check", store}));
    const Words table = joined(joined({"suite", "table"}, kSmall), {"--store", store});
    EXPECT_EQ(succeeded(resolute(table)).out, text_of(store / "suites/tiny/tables/all.md"));
  }
}

TEST_F(GcOfAFinishedStore, that_a_run_begins_to_need_meanwhile_costs_work_at_most) {
  std::vector<int> cases(50);
  std::iota(cases.begin(), cases.end(), 0);
  int restored = 0;
  for (const int number : tests::slice("gc meets a run", cases, 3)) {
    core::RandomStream random("gc meets run " + std::to_string(number), {});
    ScratchFolder scratch;
    const fs::path store = orphaned(scratch);
    const auto before = results_in(store);
    const pid_t gc = start(slow_gc_in(store, scratch / "slow"));
    pause(random, length_ / 2);
    const pid_t run = start(run_in(store));
    const std::set<std::string> undecided =
        disturb(gc, random, length_ / 2) ? undecided_jobs(store) : std::set<std::string>();
    EXPECT_EQ(ended(run), "exit code 0") << "case " << number;
    EXPECT_EQ(tables_of(store), tables_of(GcOfAFinishedStore::store())) << "case " << number;
    EXPECT_EQ(json_of(resolute(joined(gc_of(store), {"--json"})))["put_back"], 0);
    succeeded(resolute({"store", "check", store}));
    const core::Json plan = json_of(resolute(joined(joined({"suite", "plan"}, kSmall), {"--store", store, "--json"})));
    for (const core::Json& job : plan["jobs"]) {
      const auto id = job["id"].get<std::string>();
      EXPECT_TRUE(fs::exists(store / "jobs" / id.substr(0, 2) / id / "result.json")) << "case " << number;
    }
    auto after = results_in(store);
    for (const std::string& job : undecided)
      EXPECT_EQ(after[job], before.at(job)) << "case " << number << ": " << job << " was done again";
    restored += undecided.empty() ? 0 : 1;
  }
  RecordProperty("restored", restored);
  if (tests::slice_commit().empty()) EXPECT_GE(restored, 10) << "of 50: the others came before or behind";
}

TEST_F(GcOfAFinishedStore, says_what_it_would_remove_and_removes_it_with_yes_alone) {
  ScratchFolder scratch;
  const fs::path store = orphaned(scratch);
  const core::Json young = json_of(resolute({"store", "gc", store, "--json"}));
  EXPECT_EQ(young["items"], core::Json::array()) << "an hour has not passed";
  EXPECT_GT(young["young"], 0);
  EXPECT_THAT(resolute({"store", "gc", store}).out, HasSubstr("more stay as they were touched less than 1:00:00 ago"));
  const CommandOutput listed = succeeded(resolute({"store", "gc", "--store", store, "--older-than", "0:00"}));
  EXPECT_THAT(listed.out, HasSubstr("jobs of no suite"));
  EXPECT_THAT(listed.out, HasSubstr("nothing was changed; --yes removes it"));
  const core::Json removed = json_of(resolute(joined(gc_of(store), {"--json"})));
  EXPECT_EQ(removed["removed"], true);
  EXPECT_GT(removed["kinds"]["jobs"]["bytes"], 0);
  EXPECT_EQ(removed["kinds"]["packs"]["items"], 1);
  for (const char* empty : {"packs", "raw", "trash"}) EXPECT_TRUE(fs::is_empty(store / empty)) << empty;
}

TEST_F(GcOfAFinishedStore, what_is_submitted_stays) {
  ScratchFolder scratch;
  const fs::path store = orphaned(scratch);
  for (const auto& entry : fs::recursive_directory_iterator(store / "jobs"))
    if (entry.path().filename() == "queries.csv") fs::remove(entry.path().parent_path() / "result.json");
  const FakeSlurm slurm(scratch / "slurm");
  auto environment = program_environment();
  environment["PATH"] = slurm.bin().string();
  environment["HOME"] = scratch.path().string();
  succeeded(run_program(joined(joined({kBin / "resolute", "suite", "submit"}, kSmall),
                               {"--store", store, "--nodes", "1", "--time", "1:00:00"}),
                        environment));
  EXPECT_EQ(json_of(resolute(joined(gc_of(store), {"--json"})))["items"], core::Json::array());
  fs::remove_all(store / "suites/tiny");
  EXPECT_NE(json_of(resolute(joined(gc_of(store), {"--json"})))["items"], core::Json::array());
}

TEST(Gc, without_a_store_is_refused) {
  expect_refusal(resolute({"store", "gc", "nowhere"}), 2, "there is no store 'nowhere'");
  expect_refusal(resolute({"store", "check"}), 2, "store");
}

}  // namespace
}  // namespace resolute::system_test::gc_test
