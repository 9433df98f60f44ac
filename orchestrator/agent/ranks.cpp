#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>

#include "orchestrator/agent/child.h"
#include "orchestrator/agent/control_groups.h"
#include "orchestrator/agent/processes.h"

namespace resolute::orchestrator {
namespace {

// A message with a whole line stays below the size that MPI sends without asking its receiver first: the coordinator
// never waits for the rest of one from an agent that has died.
constexpr std::size_t kMaxLine = 2048;
constexpr int kProgressBlocks = 8;  // of 8 KiB: as much as a pipe holds
constexpr std::int64_t kKibInMib = 1024;

std::int64_t milliseconds_of(const timeval& time) {
  return std::int64_t{time.tv_sec} * 1000 + std::int64_t{time.tv_usec} / 1000;
}

}  // namespace

std::string mark_of(const AttemptKey& key) { return fmt::format("{}/{}", key.job, key.attempt); }

void kill_all_of(const Rank& rank) {
  ::kill(-rank.process, SIGKILL);
  kill_control_group(rank.group);
}

std::vector<std::string> read_progress(Rank& rank) {
  std::vector<std::string> lines;
  std::array<char, 8192> block;
  for (int i = 0; i < kProgressBlocks && rank.progress.valid(); ++i) {
    const ssize_t count = ::read(rank.progress.get(), block.data(), block.size());
    if (count < 0) break;
    if (count == 0) rank.progress.reset();
    for (char c : std::string_view(block.data(), static_cast<std::size_t>(count))) {
      if (c != '\n') {
        if (rank.line.size() < kMaxLine) rank.line.push_back(c);
        continue;
      }
      lines.push_back(std::exchange(rank.line, {}));
    }
  }
  return lines;
}

bool may_be_the_stores(const Rank& rank, const RankEnded& report) {
  constexpr int kInterrupted = 75;
  if (rank.killed || report.out_of_memory || report.code == kInterrupted) return false;
  return report.code != 0 || report.signal == SIGABRT || report.signal == SIGBUS;
}

RankEnded report_of(const Rank& rank, const core::ExitStatus& status, const rusage& used) {
  RankEnded report{rank.key, rank.process_rank, 0, 0, {}};
  if (const auto* exited = std::get_if<core::Exited>(&status)) report.code = exited->code;
  if (const auto* killed = std::get_if<core::Killed>(&status)) report.signal = killed->signal;
  report.peak_mib = (used.ru_maxrss + kKibInMib - 1) / kKibInMib;
  report.cpu_ms = milliseconds_of(used.ru_utime) + milliseconds_of(used.ru_stime);
  if (report.code == 0 && report.signal == 0) return report;
  if (!rank.over_memory.empty()) {
    report.out_of_memory = true;
    report.evidence = rank.over_memory;
    return report;
  }
  report.evidence = rank.err.last_words();
  constexpr int kSaidByAShell = 128;  // and the signal, of a program that it has started
  const int signal = report.signal != 0 ? report.signal : report.code - kSaidByAShell;
  if ((signal != SIGKILL && signal != SIGXCPU) || rank.killed) return report;
  if (rlimit most{};
      ::getrlimit(RLIMIT_CPU, &most) == 0 && static_cast<rlim_t>(report.cpu_ms / 1000) + 1 >= most.rlim_cur)
    report.evidence =
        fmt::format("it computed for {} s, and a process may for {} (`ulimit -t`, RLIMIT_CPU): raise that limit",
                    report.cpu_ms / 1000, most.rlim_cur);
  const std::uint64_t kills = kernel_memory_kills() - rank.kernel_kills;
  if (kills == 0 || signal != SIGKILL) return report;
  report.out_of_memory = true;
  report.evidence = fmt::format(
      "killed while the machine was short of memory (the kernel ended {} of its processes for that)", kills);
  return report;
}

void end_orphans(const std::list<Rank>& ranks) {
  for (const pid_t child : children_of_this_process()) {
    const auto any_rank = [&](const auto& belongs) { return std::ranges::any_of(ranks, belongs); };
    if (any_rank([&](const Rank& rank) { return rank.process == child; })) continue;
    const auto record = read_process(child);
    if (!record) continue;  // it has ended, and is reaped next
    const std::string mark = attempt_of(child);
    const bool wanted = any_rank([&](const Rank& rank) {
      if (!mark.empty()) return mark == mark_of(rank.key);
      const auto started = read_process(rank.process);
      return started && started->started <= record->started;
    });
    if (!wanted) ::kill(child, SIGKILL);
  }
}

void kill_over_memory(std::list<Rank>& ranks) {
  std::vector<MarkedGroup> groups;
  for (const Rank& rank : ranks) groups.push_back({rank.process, mark_of(rank.key)});
  const std::unordered_map<pid_t, Held> all_held = held_by_groups(groups);
  for (Rank& rank : ranks) {
    const auto found = all_held.find(rank.process);
    if (rank.memory_mib == 0 || found == all_held.end()) continue;
    const std::uint64_t limit = static_cast<std::uint64_t>(rank.memory_mib) << 20;
    // Pages that its processes share were counted in each of them: a closer look, which costs more.
    if (found->second.resident <= limit) continue;
    std::uint64_t held = 0;
    for (const pid_t process : found->second.processes) held += memory_held(process);
    if (held <= limit) continue;
    rank.over_memory = fmt::format("it held {} MiB of memory, its limit is {}", held >> 20, rank.memory_mib);
    rank.killed = true;
    kill_all_of(rank);
    for (const pid_t process : found->second.processes) ::kill(process, SIGKILL);
  }
}

}  // namespace resolute::orchestrator
