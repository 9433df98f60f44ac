// Suites under fire: real processes, one of the tree killed every second, journals cut between restarts, the store full
// for a while. Every result is there in the end, published once, with the bytes of a run that nobody disturbed.

#include "tests/orchestrator/support/chaos.h"

#include "core/random/random.h"
#include "tests/support/slice.h"

namespace resolute::tests::chaos_test {
namespace {

using namespace orchestrator;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr int kJobs = 200;
constexpr int kHeaderBytes = 64;  // of a journal: docs/inside/formats/journal.md

class Chaos : public SuiteUnderFire, public testing::WithParamInterface<std::string> {
 protected:
  Chaos() : SuiteUnderFire(kJobs, "size=48m") {}

  void kill_one(core::RandomStream& random) {
    const std::vector<pid_t> processes = tree();
    if (processes.empty()) return;
    ::kill(processes[random.below(processes.size())], SIGKILL);
    ++kills_;
  }
  // The tail of the newest journal is lost; those before it are sealed.
  void cut_journal(core::RandomStream& random) {
    fs::path newest;
    std::error_code none_yet;
    for (const auto& entry : fs::directory_iterator(store() / "suites/toy", none_yet))
      if (entry.path().filename().string().starts_with("journal-")) newest = std::max(newest, entry.path());
    if (newest.empty() || fs::file_size(newest) <= kHeaderBytes) return;
    fs::resize_file(newest, kHeaderBytes + random.below(fs::file_size(newest) - kHeaderBytes));
    ++cuts_;
  }
  enum class Disk { kFree, kFull, kBeenFull };

  // Runs the suite again and again until every result is there.
  void disturb(std::uint64_t seed, const std::vector<std::string>& launcher) {
    core::RandomStream random("chaos", {seed});
    const auto now = [] { return core::monotonic_clock().now(); };
    const auto begin = now(), limit = begin + 150s;
    auto next_kill = begin + 1s, next_disk = begin + std::chrono::milliseconds(1500 + random.below(1500));
    std::uintmax_t before = 0;
    int in_vain = 0;  // kills since a result was published
    Disk disk = small_disk_ ? Disk::kFree : Disk::kBeenFull;
    while (!has_all_results()) {
      const pid_t process = start(launcher);
      ++runs_;
      while (!ended(process)) {
        ASSERT_LT(now(), limit) << log();
        std::this_thread::sleep_for(10ms);
        if (now() > next_kill) {
          kill_one(random);
          // A machine so slow that a run does not start within the second gets longer: two, three, … seconds.
          const std::uintmax_t now_published = published();
          in_vain = now_published == before ? in_vain + 1 : 0;
          before = now_published;
          next_kill = now() + (1 + in_vain) * 1s;
        }
        if (disk != Disk::kBeenFull && now() > next_disk) {
          const bool fill = disk == Disk::kFree;
          fill ? fill_disk() : free_disk();
          disk = fill ? Disk::kFull : Disk::kBeenFull;
          next_disk = now() + 2s;
        }
      }
      EXPECT_TRUE(eventually([&] { return tree().empty(); }, 20s)) << "orphans are left\n" << log();
      if (!has_all_results()) cut_journal(random);
      if (disk == Disk::kFull) std::this_thread::sleep_for(200ms);
    }
    free_disk();
    GTEST_LOG_(INFO) << runs_ << " runs, " << kills_ << " processes killed, " << cuts_ << " journals cut, "
                     << (small_disk_ ? "disk full for 2 s, " : "")
                     << std::chrono::duration_cast<std::chrono::milliseconds>(now() - begin).count() << " ms";
  }

  void expect_a_calm_end() {
    EXPECT_EQ(wait_for(start({})), 0) << log();
    EXPECT_EQ(all_results(store(), plan_), calm_results()) << log();
    const std::size_t published = count_published();
    // Each job has its line but for workers that were killed between publishing and writing it: at most one a slot
    // whenever a process is killed or a run ends.
    EXPECT_LE(published, static_cast<std::size_t>(kJobs));
    EXPECT_GE(static_cast<int>(published), kJobs - kChaosSlots * (kills_ + runs_));
    // The journal that is left can be read, and the results count whatever it says.
    const auto status = operations::read_status(core::real_file_system(), experiments::StoreLayout(store()), plan_);
    EXPECT_EQ(status.jobs.succeeded, kJobs);
    EXPECT_FALSE(status.live);
    std::ostringstream to;
    EXPECT_NO_THROW(operations::print_log(core::real_file_system(), experiments::StoreLayout(store()), "toy",
                                          {.format = operations::LogFormat::kJsonLines}, to));
  }
  // The results of one undisturbed run.
  std::string calm_results() const {
    static const std::string results = [&] {
      const TemporaryFolder calm;
      const fs::path calm_store = calm / "store";
      fs::create_directory(calm_store);
      const RunOutcome outcome = run_local(plan_, chaos_options(calm_store));
      EXPECT_EQ(outcome.succeeded, kJobs);
      return all_results(calm_store, plan_);
    }();
    return results;
  }

  int runs_ = 0, kills_ = 0, cuts_ = 0;
};

class ChaosUnderMpi : public Chaos {};
class ChaosInOneTree : public Chaos {};

TEST_P(ChaosUnderMpi, every_result_is_there_once_and_as_in_a_calm_run) {
  disturb(std::stoull(GetParam()), {"mpirun", "--enable-recovery", "-np", "4"});
  if (!HasFatalFailure()) expect_a_calm_end();
}

TEST_P(ChaosInOneTree, every_result_is_there_once_and_as_in_a_calm_run) {
  disturb(std::stoull(GetParam()), {});
  if (!HasFatalFailure()) expect_a_calm_end();
}

std::vector<std::string> seeds(int first, int last) {
  std::vector<std::string> all;
  for (int seed = first; seed <= last; ++seed) all.push_back(std::to_string(seed));
  return all;
}
INSTANTIATE_TEST_SUITE_P(Seeds, ChaosUnderMpi, testing::ValuesIn(slice("chaos under MPI", seeds(1, 20), 1)));
INSTANTIATE_TEST_SUITE_P(Seeds, ChaosInOneTree, testing::ValuesIn(slice("chaos in one tree", seeds(101, 110), 1)));

}  // namespace
}  // namespace resolute::tests::chaos_test
