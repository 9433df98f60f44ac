#pragma once
//! \file
//! Suites under fire: real processes of this very program, which in its roles is also their coordinator, agents and
//! workers; what chaos_test and soak_test share.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <map>
#include <thread>

#include "core/hash/sha256.h"
#include "core/log.h"
#include "core/process/process.h"
#include "tests/orchestrator/support/drive.h"
#include "tests/orchestrator/support/run_fixture.h"
#include "tests/support/small_disk.h"
#include "tests/system/program.h"

namespace resolute::tests {

constexpr int kChaosSteps = 4;
constexpr int kChaosSlots = 6;

//! Gangs of one, two and three ranks; every third job needs the one before it.
inline experiments::Plan chaos_plan(int jobs) {
  experiments::Plan plan = toy_plan(jobs, 3);
  for (std::size_t i = 0; i < plan.jobs.size(); ++i) plan.jobs[i].slots = 1 + static_cast<int>(i % 3);
  return plan;
}

// ---- the worker: a chain of hashes with a checkpoint at every link, and a piece of the result from every rank

//! In the environment: milliseconds for each link, 15 by default.
constexpr const char* kStepVariable = "RESOLUTE_CHAOS_STEP";

inline volatile std::sig_atomic_t stop_asked = 0;

inline void append_line(const std::filesystem::path& path, const std::string& line) {
  const int file = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT, 0644);
  if (file < 0 || ::write(file, line.data(), line.size()) < 0) std::perror(path.c_str());
  ::close(file);
}

struct ChaosJob {
  experiments::StoreLayout store;
  experiments::JobId id;
  int rank = 0;
  int ranks = 1;
  int progress = -1;
  std::filesystem::path folder() const { return store.job_folder(id); }
  std::filesystem::path checkpoints() const { return store.checkpoints_folder(id); }
  std::filesystem::path piece(int of_rank) const { return folder() / fmt::format("piece-{}", of_rank); }
};

// \return the chain's last link, or nothing if it was asked to stop
inline std::optional<std::string> work_on_chain(const ChaosJob& job) {
  core::FileSystem& files = core::real_file_system();
  files.create_directories(job.checkpoints());
  std::string link = job.id.hex;
  int step = 0;
  for (const std::string& name : files.list(job.checkpoints()))
    if (name.starts_with("step-")) step = std::max(step, std::stoi(name.substr(5)));
  if (step > 0) link = core::read_text(files, job.checkpoints() / fmt::format("step-{}", step));
  const char* milliseconds = std::getenv(kStepVariable);
  const std::chrono::milliseconds pause(milliseconds == nullptr ? 15 : std::atoi(milliseconds));
  while (step < kChaosSteps) {
    std::this_thread::sleep_for(pause);
    if (stop_asked != 0) return std::nullopt;
    link = core::sha256_hex(fmt::format("{}{}", link, ++step));
    core::write_atomic(files, job.checkpoints() / fmt::format("step-{}", step), link);
    const std::string line = fmt::format("{{\"checkpoint\":{}}}\n", step);
    if (::write(job.progress, line.data(), line.size()) < 0) continue;  // a reader that has gone is no reason to stop
  }
  return link;
}

inline int run_chaos_job(const ChaosJob& job) {
  core::FileSystem& files = core::real_file_system();
  if (files.exists(job.store.result_file(job.id))) return 0;
  files.create_directories(job.folder());
  core::write_atomic(files, job.piece(job.rank), core::sha256_hex(job.id.hex + std::to_string(job.rank)));
  if (job.rank > 0) return 0;
  const auto link = work_on_chain(job);
  if (!link) return 75;
  std::string result = fmt::format("{{\"chain\":\"{}\"", *link);
  for (int rank = 0; rank < job.ranks; ++rank) {
    std::optional<std::string> piece;
    while (!(piece = core::read_text_if_exists(files, job.piece(rank)))) {
      if (stop_asked != 0) return 75;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    result += fmt::format(",\"piece-{}\":\"{}\"", rank, *piece);
  }
  if (core::publish_exclusive(files, job.store.result_file(job.id), result + "}\n"))
    append_line(job.store.root().parent_path() / "published", job.id.hex + "\n");
  return 0;
}

inline int chaos_worker(int count, char** arguments) {
  ::signal(SIGTERM, [](int) { stop_asked = 1; });
  ::signal(SIGPIPE, SIG_IGN);
  std::map<std::string, std::string> options;
  // The first argument is "run", options follow.
  for (int i = 1; i + 1 < count; i += 2) options[arguments[i]] = arguments[i + 1];
  try {
    return run_chaos_job({experiments::StoreLayout(options.at("--store")),
                          {options.at("--job")},
                          std::stoi(options.at("--process-rank")),
                          std::stoi(options.at("--process-ranks")),
                          std::stoi(options.at("--progress-fd"))});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "toy worker: %s\n", error.what());
    return 1;
  }
}

inline const ProgramRole kChaosWorkerRole("chaos-worker", chaos_worker);

// ---- what is disturbed

// All slots of one agent, or shared by three.
inline orchestrator::RunOptions chaos_options(const std::filesystem::path& store) {
  orchestrator::RunOptions options =
      toy_options(store, orchestrator::launched_by_mpi(core::current_environment()) ? kChaosSlots / 3 : kChaosSlots);
  options.worker_command = kChaosWorkerRole.command();
  options.coordinator_limit = std::chrono::milliseconds(2500);
  return options;
}

// Coordinator, or under mpirun agent. Arguments: STORE JOBS.
inline int drive_chaos(int /*count*/, char** arguments) {
  const std::filesystem::path store = arguments[0];
  const int jobs = std::stoi(arguments[1]);
  const auto environment = core::current_environment();
  core::set_up_log(fmt::format("drive {}", orchestrator::launched_rank(environment)));
  if (orchestrator::launched_by_mpi(environment))
    orchestrator::run_mpi([&] { return chaos_plan(jobs); }, chaos_options(store), report_end);
  try {
    const orchestrator::RunOutcome outcome = orchestrator::run_local(chaos_plan(jobs), chaos_options(store));
    return report_end(&outcome, nullptr);
  } catch (const std::exception& error) {
    return report_end(nullptr, &error);
  }
}

inline const ProgramRole kDriveChaosRole("drive-chaos", drive_chaos);

class SuiteUnderFire : public testing::Test {
 protected:
  //! \param disk of the store, as "size=48m"
  SuiteUnderFire(int jobs, const char* disk) : plan_(chaos_plan(jobs)) {
    std::filesystem::create_directory(store());
    small_disk_ = mount_small_disk(store(), disk);
    if (!small_disk_) GTEST_LOG_(INFO) << "no right to mount: the store is never full here";
  }
  SuiteUnderFire(const SuiteUnderFire&) = delete;
  SuiteUnderFire& operator=(const SuiteUnderFire&) = delete;
  ~SuiteUnderFire() override {
    for (pid_t process : tree()) ::kill(process, SIGKILL);
    if (small_disk_) ::umount2(store().c_str(), MNT_DETACH);
  }

  std::filesystem::path store() const { return folder_ / "store"; }
  std::vector<pid_t> tree() const { return system_test::processes_with({store().string()}); }

  pid_t start(const std::vector<std::string>& launcher) const {
    core::SpawnRequest request{.arguments = launcher};
    request.arguments.insert(request.arguments.end(), kDriveChaosRole.command().begin(),
                             kDriveChaosRole.command().end());
    request.arguments.insert(request.arguments.end(), {store().string(), std::to_string(plan_.jobs.size())});
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
                       [&](const auto& job) { return std::filesystem::exists(layout.result_file(job.id)); });
  }

  std::uintmax_t published() const {  // bytes: it grows with every result
    std::error_code none_yet;
    const auto size = std::filesystem::file_size(folder_ / "published", none_yet);
    return none_yet ? 0 : size;
  }
  void fill_disk() const {
    std::ofstream ballast(store() / "ballast", std::ios::binary);
    const std::string block(1 << 16, 'x');
    while (ballast.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
    }
  }
  void free_disk() const { std::filesystem::remove(store() / "ballast"); }

  static int wait_for(pid_t process) {
    std::optional<int> code;
    while (!(code = ended(process))) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return *code;
  }
  std::string log() const { return core::read_text_if_exists(core::real_file_system(), folder_ / "log").value_or(""); }

  //! \return how many jobs were published, each once
  std::size_t count_published() const {
    std::ifstream published(folder_ / "published");
    std::map<std::string, int> times;
    for (std::string job; std::getline(published, job);) ++times[job];
    for (const auto& [job, count] : times) EXPECT_EQ(count, 1) << job;
    return times.size();
  }

  const experiments::Plan plan_;
  TemporaryFolder folder_;
  bool small_disk_ = false;
};

}  // namespace resolute::tests
