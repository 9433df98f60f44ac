// Suites under fire: real processes, one of the tree killed every second, journals cut between restarts, the store full
// for a while. Every result is there in the end, published once, with the bytes of a run that nobody disturbed.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <map>
#include <thread>

#include "core/clock.h"
#include "core/log.h"
#include "core/process.h"
#include "core/random.h"
#include "core/sha256.h"
#include "tests/orchestrator/support/run_fixture.h"
#include "tests/support/slice.h"
#include "tests/system/program.h"

namespace resolute::tests::chaos_test {
namespace {

using namespace orchestrator;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr int kJobs = 200;
constexpr int kSteps = 4;
constexpr int kSlots = 6;
constexpr int kHeaderBytes = 64;  // of a journal: docs/formats/journal.md

// Gangs of one, two and three ranks; every third job needs the one before it.
experiments::Plan chaos_plan() {
  experiments::Plan plan = toy_plan(kJobs, 3);
  for (std::size_t i = 0; i < plan.jobs.size(); ++i) plan.jobs[i].slots = 1 + static_cast<int>(i % 3);
  return plan;
}

// ---- the worker: a chain of hashes with a checkpoint at every link, and a piece of the result from every rank

volatile std::sig_atomic_t stop_asked = 0;

void append_line(const fs::path& path, const std::string& line) {
  const int file = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT, 0644);
  if (file < 0 || ::write(file, line.data(), line.size()) < 0) std::perror(path.c_str());
  ::close(file);
}

struct ToyJob {
  experiments::StoreLayout store;
  experiments::JobId id;
  int rank = 0;
  int ranks = 1;
  int progress = -1;
  fs::path folder() const { return store.job_folder(id); }
  fs::path checkpoints() const { return store.checkpoints_folder(id); }
  fs::path piece(int of_rank) const { return folder() / fmt::format("piece-{}", of_rank); }
};

// \return the chain's last link, or nothing if it was asked to stop
std::optional<std::string> work_on(const ToyJob& job) {
  core::FileSystem& files = core::real_file_system();
  files.create_directories(job.checkpoints());
  std::string link = job.id.hex;
  int step = 0;
  for (const std::string& name : files.list(job.checkpoints()))
    if (name.starts_with("step-")) step = std::max(step, std::stoi(name.substr(5)));
  if (step > 0) link = core::read_text(files, job.checkpoints() / fmt::format("step-{}", step));
  while (step < kSteps) {
    std::this_thread::sleep_for(15ms);
    if (stop_asked != 0) return std::nullopt;
    link = core::sha256_hex(link + std::to_string(++step));
    core::write_atomic(files, job.checkpoints() / fmt::format("step-{}", step), link);
    const std::string line = fmt::format("{{\"checkpoint\":{}}}\n", step);
    if (::write(job.progress, line.data(), line.size()) < 0) continue;  // a reader that has gone is no reason to stop
  }
  return link;
}

int run_toy(const ToyJob& job) {
  core::FileSystem& files = core::real_file_system();
  if (files.exists(job.store.result_file(job.id))) return 0;
  files.create_directories(job.folder());
  core::write_atomic(files, job.piece(job.rank), core::sha256_hex(job.id.hex + std::to_string(job.rank)));
  if (job.rank > 0) return 0;
  const auto link = work_on(job);
  if (!link) return 75;
  std::string result = fmt::format("{{\"chain\":\"{}\"", *link);
  for (int rank = 0; rank < job.ranks; ++rank) {
    std::optional<std::string> piece;
    while (!(piece = core::read_text_if_exists(files, job.piece(rank)))) {
      if (stop_asked != 0) return 75;
      std::this_thread::sleep_for(2ms);
    }
    result += fmt::format(",\"piece-{}\":\"{}\"", rank, *piece);
  }
  if (core::publish_exclusive(files, job.store.result_file(job.id), result + "}\n"))
    append_line(job.store.root().parent_path() / "published", job.id.hex + "\n");
  return 0;
}

int toy_worker(int count, char** arguments) {
  ::signal(SIGTERM, [](int) { stop_asked = 1; });
  ::signal(SIGPIPE, SIG_IGN);
  std::map<std::string, std::string> options;
  for (int i = 3; i + 1 < count; i += 2) options[arguments[i]] = arguments[i + 1];
  try {
    return run_toy({experiments::StoreLayout(options.at("--store")),
                    {options.at("--job")},
                    std::stoi(options.at("--process-rank")),
                    std::stoi(options.at("--process-ranks")),
                    std::stoi(options.at("--progress-fd"))});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "toy worker: %s\n", error.what());
    return 1;
  }
}

// ---- what is disturbed

// Read before mount_small_disk(): where a chroot is left for another name space of mounts the link names another root's
// path.
const std::string kProgram = fs::read_symlink("/proc/self/exe").string();

// All slots of one agent, or shared by three.
RunOptions chaos_options(const fs::path& store) {
  RunOptions options = toy_options(store, launched_by_mpi(core::current_environment()) ? kSlots / 3 : kSlots);
  options.worker_command = {kProgram, "worker"};
  options.coordinator_limit = 2500ms;
  return options;
}

int exit_code_of(const RunOutcome* outcome, const std::exception* error) {
  if (error != nullptr) std::fprintf(stderr, "drive: %s\n", error->what());
  return error != nullptr ? 1 : outcome->exit_code();
}

// Coordinator, or under mpirun agent.
int drive(const fs::path& store) {
  const auto environment = core::current_environment();
  core::set_up_log(fmt::format("drive {}", launched_rank(environment)));
  if (launched_by_mpi(environment)) run_mpi(chaos_plan, chaos_options(store), exit_code_of);
  try {
    const RunOutcome outcome = run_local(chaos_plan(), chaos_options(store));
    return exit_code_of(&outcome, nullptr);
  } catch (const std::exception& error) {
    return exit_code_of(nullptr, &error);
  }
}

// A file system of its own for the store, seen by this process and its children alone, so that it can be filled.
// \return whether this user may have one
bool mount_small_disk(const fs::path& folder) {
  static const bool separate =
      ::unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
  return separate && ::mount("none", folder.c_str(), "tmpfs", 0, "size=48m") == 0;
}

class Chaos : public testing::TestWithParam<std::string> {
 protected:
  Chaos() {
    fs::create_directory(store());
    small_disk_ = mount_small_disk(store());
    if (!small_disk_) GTEST_LOG_(INFO) << "no right to mount: the store is never full here";
  }
  ~Chaos() override {
    for (pid_t process : tree()) ::kill(process, SIGKILL);
    if (small_disk_) ::umount2(store().c_str(), MNT_DETACH);
  }

  fs::path store() const { return folder_ / "store"; }
  std::vector<pid_t> tree() const { return system_test::processes_with({store().string()}); }

  pid_t start(const std::vector<std::string>& launcher) const {
    core::SpawnRequest request;
    request.arguments = launcher;
    request.arguments.insert(request.arguments.end(), {kProgram, "drive", store().string()});
    request.environment = system_test::program_environment();
    std::FILE* log = std::fopen((folder_ / "log").c_str(), "a");
    request.descriptors = {{1, ::fileno(log)}, {2, ::fileno(log)}};
    const pid_t process = core::spawn_process(request);
    std::fclose(log);
    return process;
  }
  // \return exit code, or nothing while it runs
  static std::optional<int> ended(pid_t process) {
    int word = 0;
    if (::waitpid(process, &word, WNOHANG) != process) return std::nullopt;
    return WIFEXITED(word) ? WEXITSTATUS(word) : 128 + WTERMSIG(word);
  }
  bool has_all_results() const {
    const experiments::StoreLayout layout(store());
    return std::all_of(plan_.jobs.begin(), plan_.jobs.end(),
                       [&](const auto& job) { return fs::exists(layout.result_file(job.id)); });
  }

  void kill_one(core::RandomStream& random) {
    const std::vector<pid_t> processes = tree();
    if (processes.empty()) return;
    ::kill(processes[random.below(processes.size())], SIGKILL);
    ++kills_;
  }
  std::uintmax_t published() const {  // bytes: it grows with every result
    std::error_code none_yet;
    const auto size = fs::file_size(folder_ / "published", none_yet);
    return none_yet ? 0 : size;
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
  Disk fill_disk() const {
    std::ofstream ballast(store() / "ballast", std::ios::binary);
    const std::string block(1 << 16, 'x');
    while (ballast.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
    }
    return Disk::kFull;
  }
  Disk free_disk() const {
    fs::remove(store() / "ballast");
    return Disk::kBeenFull;
  }

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
          disk = disk == Disk::kFree ? fill_disk() : free_disk();
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
    std::ifstream published(folder_ / "published");
    std::map<std::string, int> times;
    for (std::string job; std::getline(published, job);) ++times[job];
    for (const auto& [job, count] : times) EXPECT_EQ(count, 1) << job;
    // Each job has its line but for workers that were killed between publishing and writing it: at most one a slot
    // whenever a process is killed or a run ends.
    EXPECT_LE(times.size(), static_cast<std::size_t>(kJobs));
    EXPECT_GE(static_cast<int>(times.size()), kJobs - kSlots * (kills_ + runs_));
    // The journal that is left can be read, and the results count whatever it says.
    const auto status = read_status(core::real_file_system(), experiments::StoreLayout(store()), plan_);
    EXPECT_EQ(status.jobs.succeeded, kJobs);
    EXPECT_FALSE(status.live);
    std::ostringstream to;
    EXPECT_NO_THROW(
        print_log(core::real_file_system(), experiments::StoreLayout(store()), "toy", LogFormat::kJsonLines, "", to));
  }
  static int wait_for(pid_t process) {
    std::optional<int> code;
    while (!(code = ended(process))) std::this_thread::sleep_for(5ms);
    return *code;
  }
  std::string log() const { return core::read_text_if_exists(core::real_file_system(), folder_ / "log").value_or(""); }

  // Of one undisturbed run.
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

  const experiments::Plan plan_ = chaos_plan();
  TemporaryFolder folder_;
  bool small_disk_ = false;
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

int main(int count, char** arguments) {
  const std::string_view mode = count > 1 ? arguments[1] : "";
  if (mode == "worker") return resolute::tests::chaos_test::toy_worker(count, arguments);
  if (mode == "drive" && count == 3) return resolute::tests::chaos_test::drive(arguments[2]);
  testing::InitGoogleTest(&count, arguments);
  return RUN_ALL_TESTS();
}
