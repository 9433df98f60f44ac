// A long run under everything at once: ranks, agents, spawners and the coordinator are killed and stopped, the store is
// full now and then, the run is started again. Nothing is lost or published twice, the journals agree with the results,
// and no process that lives long grows. 2,000 jobs in 30 minutes, or as RESOLUTE_SOAK_SECONDS says.

#include <fmt/ranges.h>
#include <sys/resource.h>

#include <array>
#include <map>
#include <numeric>
#include <set>

#include "core/random/random.h"
#include "tests/orchestrator/support/chaos.h"
#include "tests/orchestrator/support/read_journals.h"

namespace resolute::tests::soak_test {
namespace {

using namespace orchestrator;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr int kWholeSeconds = 1800;
constexpr int kWholeJobs = 2000;

int number_of(const char* variable, int otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::stoi(text);
}
const int kSeconds = number_of("RESOLUTE_SOAK_SECONDS", kWholeSeconds);
const int kJobs = std::max(100, static_cast<int>(std::int64_t{kWholeJobs} * kSeconds / kWholeSeconds));

enum class Role { kCoordinator, kAgent, kSpawner, kRank };
constexpr std::array<const char*, 4> kRoles{"coordinator", "agents", "spawners", "ranks"};

std::string file_text(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

struct Process {
  pid_t id = -1;
  Role role = Role::kRank;
};

// The run's processes by what they do: its command line tells workers, mpirun's children are coordinator (rank 0) and
// agents, an agent's child is a guard, and a guard's the spawner.
std::vector<Process> processes_of(const fs::path& store) {
  std::map<pid_t, pid_t> parents;  // of those that drive
  std::vector<Process> found;
  for (const pid_t process : system_test::processes_with({store.string()})) {
    const std::string line = file_text(fmt::format("/proc/{}/cmdline", process));
    const std::string stat = file_text(fmt::format("/proc/{}/stat", process));
    if (line.find('\0' + kChaosWorkerRole.command().back() + '\0') != std::string::npos)
      found.push_back({process, Role::kRank});
    const auto end_of_name = stat.rfind(')');
    if (!line.starts_with(fmt::format("{}", fmt::join(kDriveChaosRole.command(), std::string_view("\0", 1)))) ||
        end_of_name == std::string::npos)
      continue;
    parents[process] = static_cast<pid_t>(std::stol(stat.substr(end_of_name + 4)));
  }
  const auto generation = [&](pid_t process) {
    int count = 0;
    for (auto at = parents.find(process); at != parents.end(); at = parents.find(at->second)) ++count;
    return count;
  };
  for (const auto& [process, parent] : parents) {
    const std::string environment = '\0' + file_text(fmt::format("/proc/{}/environ", process));
    const bool first = environment.find(std::string("\0OMPI_COMM_WORLD_RANK=0\0", 24)) != std::string::npos;
    if (generation(process) == 1) found.push_back({process, first ? Role::kCoordinator : Role::kAgent});
    if (generation(process) == 3) found.push_back({process, Role::kSpawner});
  }
  return found;
}

// The resources of a process at the moments of its life.
struct Sample {
  double minute = 0;
  double resident_kib = 0;  // VmRSS
  double own_kib = 0;  // of it, what is no file's and no shared memory's: pages of code come when code is first run
  double descriptors = 0;
};
std::optional<Sample> sample(pid_t process, double minute) {
  const std::string status = file_text(fmt::format("/proc/{}/status", process));
  const auto resident = status.find("VmRSS:"), anonymous = status.find("RssAnon:");
  std::error_code gone;
  const fs::directory_iterator open(fmt::format("/proc/{}/fd", process), gone);
  if (resident == std::string::npos || anonymous == std::string::npos || gone) return std::nullopt;
  return Sample{minute, std::stod(status.substr(resident + 6)), std::stod(status.substr(anonymous + 8)),
                static_cast<double>(std::distance(begin(open), end(open)))};
}

// Slope of the straight line that fits best, per minute.
double slope(const std::vector<Sample>& samples, double Sample::*value) {
  double minutes = 0, values = 0;
  for (const Sample& one : samples) {
    minutes += one.minute;
    values += one.*value;
  }
  minutes /= static_cast<double>(samples.size());
  values /= static_cast<double>(samples.size());
  double products = 0, squares = 0;
  for (const Sample& one : samples) {
    products += (one.minute - minutes) * (one.*value - values);
    squares += (one.minute - minutes) * (one.minute - minutes);
  }
  return squares > 0 ? products / squares : 0;
}

// Each job's result is known before it is run.
std::string expected_result(const experiments::PlannedJob& job) {
  std::string link = job.id.hex;
  for (int step = 1; step <= kChaosSteps; ++step) link = core::sha256_hex(link + std::to_string(step));
  std::string text = fmt::format("{{\"chain\":\"{}\"", link);
  for (int rank = 0; rank < job.slots; ++rank)
    text += fmt::format(",\"piece-{}\":\"{}\"", rank, core::sha256_hex(job.id.hex + std::to_string(rank)));
  return text + "}\n";
}

class Soak : public SuiteUnderFire {
 protected:
  Soak() : SuiteUnderFire(kJobs, "size=256m") {
    ::setpriority(PRIO_PROCESS, 0, 10);
    // Two slots a job on average; a quarter of the time goes to what is disturbed.
    const int step = kSeconds * 1000 / kJobs * kChaosSlots / 2 / kChaosSteps * 3 / 4;
    ::setenv(kStepVariable, std::to_string(step).c_str(), 1);
  }
  static core::MonotonicTime now() { return core::monotonic_clock().now(); }
  double minutes() const { return std::chrono::duration<double>(now() - begin_).count() / 60; }

  // A number of times in the whole length, at random.
  std::chrono::milliseconds every(double times) {
    return std::chrono::milliseconds(
        static_cast<int>(kSeconds * 1000 / times * (0.5 + static_cast<double>(random_.below(1000)) / 1000)));
  }
  std::optional<pid_t> one_of(Role role) {
    auto all = processes_of(store());
    std::erase_if(all, [&](const Process& process) { return process.role != role; });
    if (all.empty()) return std::nullopt;
    return all[random_.below(all.size())].id;
  }
  void kill_one(Role role) {
    const auto process = one_of(role);
    if (!process || ::kill(*process, SIGKILL) != 0) return;
    ++kills_[static_cast<std::size_t>(role)];
  }
  // For up to six seconds: longer than an agent or the coordinator may be silent.
  void stall_one(Role role) {
    const auto process = one_of(role);
    if (!process || ::kill(*process, SIGSTOP) != 0) return;
    ++stalls_;
    stalled_.emplace_back(*process, now() + std::chrono::milliseconds(100 + random_.below(6000)));
  }
  void let_go_on(bool all = false) {
    std::erase_if(stalled_, [&](const auto& stalled) {
      if (!all && now() < stalled.second) return false;
      ::kill(stalled.first, SIGCONT);
      return true;
    });
  }
  void look_at_processes() {
    for (const Process& process : processes_of(store()))
      if (process.role != Role::kRank)
        if (const auto seen = sample(process.id, minutes())) lives_[{process.role, process.id}].push_back(*seen);
  }

  // Events that happen again and again, each at its own pace: rare enough for long lives, too.
  struct Disturbance {
    double times;  // in the whole length
    std::function<void()> happens;
    core::MonotonicTime next{};
  };

  void disturb() {
    const double minutes_in_all = kSeconds / 60.0;
    // The number over the whole 30 minutes; rare enough that some processes live long.
    const auto scaled = [&](double times) { return std::max(2.0, times * kSeconds / kWholeSeconds); };
    bool full = false;
    std::vector<Disturbance> all{
        {12 * minutes_in_all, [&] { kill_one(Role::kRank); }}, {4 * minutes_in_all, [&] { stall_one(Role::kRank); }},
        {scaled(8), [&] { kill_one(Role::kAgent); }},          {scaled(6), [&] { kill_one(Role::kSpawner); }},
        {scaled(4), [&] { kill_one(Role::kCoordinator); }},    {scaled(8), [&] { stall_one(Role::kAgent); }},
        {scaled(6), [&] { stall_one(Role::kSpawner); }},       {scaled(3), [&] { stall_one(Role::kCoordinator); }}};
    for (Disturbance& each : all) each.next = now() + every(each.times);
    auto next_disk = now() + every(scaled(12)), next_look = now();
    while (!has_all_results()) {
      const pid_t process = start({"mpirun", "--enable-recovery", "-np", "4"});
      ++runs_;
      for (auto next_check = now() + 20s; !ended(process);) {
        ASSERT_LT(minutes(), 3.0 * kSeconds / 60 + 2) << log();
        std::this_thread::sleep_for(50ms);
        let_go_on();
        for (Disturbance& each : all) {
          if (now() < each.next) continue;
          each.happens();
          each.next = now() + every(each.times);
        }
        if (small_disk_ && now() > next_disk) {
          full ? free_disk() : fill_disk();
          full = !full;
          fills_ += full ? 1 : 0;
          next_disk = now() + (full ? std::chrono::milliseconds(500 + random_.below(4000)) : every(scaled(12)));
        }
        if (now() > next_look) {
          look_at_processes();
          next_look = now() + 1s;
        }
        // Nothing moves once all agents were lost, or mpirun hangs on after them: somebody starts it again.
        if (now() > next_check) {
          next_check = now() + 20s;
          const auto size = published();
          if (size != std::exchange(published_, size) || full) continue;
          ::kill(process, SIGTERM);
          ++given_up_;
        }
      }
      let_go_on(true);
      EXPECT_TRUE(eventually([&] { return tree().empty(); }, 30s)) << "orphans are left\n" << log();
    }
    free_disk();
  }

  void expect_nothing_lost_or_done_twice() {
    EXPECT_EQ(wait_for(start({})), 0) << log();
    const experiments::StoreLayout layout(store());
    for (const auto& job : plan_.jobs)
      EXPECT_EQ(text_in(layout.result_file(job.id)), expected_result(job)) << job.label;
    const std::size_t published = count_published();
    EXPECT_LE(published, plan_.jobs.size());
    const int kills = std::accumulate(kills_.begin(), kills_.end(), 0);
    EXPECT_GE(static_cast<int>(published), kJobs - kChaosSlots * (kills + runs_));
    const auto status = operations::read_status(core::real_file_system(), layout, plan_);
    EXPECT_EQ(status.jobs.succeeded, kJobs);
    EXPECT_FALSE(status.live);
    // Each attempt that succeeded did so once, in all the journals together; a result that was published as its run
    // died is found by the next one, if there was another to do something.
    std::map<int, int> by_attempt;
    std::set<int> succeeded;
    for (const auto& journal : read_journals(core::real_file_system(), layout.suite_folder("toy")))
      for (const auto& record : journal.records) {
        if (const auto* success = std::get_if<JobSucceeded>(&record.event)) {
          succeeded.insert(success->job.value);
          by_attempt[success->job.value] += success->attempt > 0 ? 1 : 0;
        }
        if (const auto* kept = std::get_if<JobsKept>(&record.event))
          for (const JobRange& range : kept->done)
            for (int job = range.least.value; job <= range.most.value; ++job) succeeded.insert(job);
      }
    for (const auto& [job, times] : by_attempt) EXPECT_LE(times, 1) << job;
    EXPECT_GE(static_cast<int>(succeeded.size()), kJobs - kChaosSlots);
  }

  // Says how the processes that lived for an eighth of the time, or a minute, grew, and bounds it.
  void expect_flat() {
    const double least = std::min(1.0, kSeconds / 60.0 / 8);
    for (const Role role : {Role::kCoordinator, Role::kAgent, Role::kSpawner}) {
      int lives = 0;
      double longest = 0, most_memory = 0, worst_memory = 0, worst_descriptors = 0;
      for (const auto& [process, samples] : lives_) {
        // Its first half a minute, in which it reads plan and journal and touches its memory for the first time, is no
        // slope.
        std::vector<Sample> settled(samples.begin() + std::min<std::ptrdiff_t>(30, std::ssize(samples)), samples.end());
        if (process.first != role || settled.empty()) continue;
        const double life = settled.back().minute - settled.front().minute;
        if (life < least) continue;
        ++lives;
        longest = std::max(longest, life);
        most_memory = std::max(most_memory, settled.back().resident_kib);
        const double memory = slope(settled, &Sample::own_kib), open = slope(settled, &Sample::descriptors);
        worst_memory = std::max(worst_memory, memory);
        worst_descriptors = std::max(worst_descriptors, open);
        // A page here and there, a rank more or less; the coordinator knows more of each job that has run.
        const double jobs = role == Role::kCoordinator ? kJobs * life / (kSeconds / 60.0) : 0;
        EXPECT_LT(memory * life, 1024 + 16 * life + jobs) << kRoles[static_cast<std::size_t>(role)] << " in KiB";
        EXPECT_LT(open * life, 2.0 * kChaosSlots + 0.2 * life) << kRoles[static_cast<std::size_t>(role)];
      }
      std::printf(
          "%-12s %2d lives of %.1f to %.1f min: up to %.1f MiB; steepest %+.1f KiB/min, %+.2f descriptors/min\n",
          kRoles[static_cast<std::size_t>(role)], lives, least, longest, most_memory / 1024, worst_memory,
          worst_descriptors);
      EXPECT_GT(lives, 0) << "none lived long enough to tell";
    }
  }

  static std::string text_in(const fs::path& path) {
    return core::read_text_if_exists(core::real_file_system(), path).value_or("none");
  }

  const core::MonotonicTime begin_ = now();
  const int seed_ = number_of("RESOLUTE_SOAK_SEED", 1);
  core::RandomStream random_{"soak", {static_cast<std::uint64_t>(seed_)}};
  std::map<std::pair<Role, pid_t>, std::vector<Sample>> lives_;
  std::vector<std::pair<pid_t, core::MonotonicTime>> stalled_;
  std::array<int, 4> kills_{};
  int runs_ = 0, stalls_ = 0, fills_ = 0, given_up_ = 0;
  std::uintmax_t published_ = 0;
};

TEST_F(Soak, loses_nothing_does_nothing_twice_and_does_not_grow) {
  disturb();
  if (HasFatalFailure()) return;
  std::printf(
      "seed %d: %d jobs in %.1f min, %d starts (%d of them ended by the test), killed: %d coordinators, %d agents, "
      "%d spawners, %d ranks; %d stalls, disk full %d times\n",
      seed_, kJobs, minutes(), runs_, given_up_, kills_[0], kills_[1], kills_[2], kills_[3], stalls_, fills_);
  expect_nothing_lost_or_done_twice();
  expect_flat();
}

}  // namespace
}  // namespace resolute::tests::soak_test
