#include "orchestrator/agent/processes.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <memory>
#include <string_view>
#include <thread>

#include "core/clock.h"
#include "core/process/process.h"

namespace resolute::orchestrator {
namespace {

// Files of /proc have no size to ask for. Empty if it cannot be read.
std::string read_proc(const std::string& path) {
  core::FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  std::array<char, 8192> block;
  while (file.valid()) {
    const ssize_t count = ::read(file.get(), block.data(), block.size());
    if (count <= 0) break;
    text.append(block.data(), static_cast<std::size_t>(count));
  }
  return text;
}

// The number behind `name` at the start of a line.
std::optional<std::uint64_t> number_after(const std::string& text, std::string_view name) {
  std::size_t at = text.starts_with(name) ? 0 : text.find(fmt::format("\n{}", name));
  if (at == std::string::npos) return std::nullopt;
  at = text.find_first_of("0123456789", at + name.size() + (at == 0 ? 0 : 1));
  std::uint64_t value = 0;
  if (at == std::string::npos || std::from_chars(&text[at], text.data() + text.size(), value).ec != std::errc())
    return std::nullopt;
  return value;
}

// Calls `visit` with every number that names an entry of the folder.
template <class Visit>
void for_each_number(const char* folder, Visit visit) {
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(folder), [](DIR* open) { return ::closedir(open); });
  while (const dirent* entry = entries ? ::readdir(entries.get()) : nullptr) {
    const std::string_view name = entry->d_name;
    pid_t number = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), number).ec == std::errc()) visit(number);
  }
}

}  // namespace

std::optional<ProcessRecord> read_process(pid_t process) {
  const std::string text = read_proc(fmt::format("/proc/{}/stat", process));
  const auto name_end = text.rfind(')');  // the name may hold anything
  if (name_end == std::string::npos) return std::nullopt;
  ProcessRecord record;
  record.process = process;
  char state = 0;
  unsigned long started = 0;
  unsigned long resident = 0;
  const int found = std::sscanf(text.c_str() + name_end + 1,
                                " %c %d %d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %lu %*u %lu",
                                &state, &record.parent, &record.group, &record.session, &started, &resident);
  if (found != 6 || state == 'Z' || state == 'X') return std::nullopt;
  record.started = started;
  record.resident = resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return record;
}

std::vector<pid_t> children_of_this_process() {
  std::vector<pid_t> children;
  for_each_number("/proc/self/task", [&](pid_t thread) {
    const std::string text = read_proc(fmt::format("/proc/self/task/{}/children", thread));
    const char* end = text.data() + text.size();
    for (const char* at = text.data(); at < end;) {
      pid_t child = 0;
      at = std::from_chars(at, end, child).ptr + 1;
      if (child > 0) children.push_back(child);
    }
  });
  return children;
}

std::string attempt_of(pid_t process) {
  const std::string variables = '\0' + read_proc(fmt::format("/proc/{}/environ", process));
  const std::string opening = '\0' + std::string(kAttemptVariable) + '=';
  const auto at = variables.find(opening);
  if (at == std::string::npos) return {};
  return variables.c_str() + at + opening.size();  // to the next zero byte
}

std::unordered_map<pid_t, Held> held_by_groups(const std::vector<MarkedGroup>& groups) {
  std::unordered_map<pid_t, Held> held;
  for (const MarkedGroup& group : groups) held.emplace(group.leader, Held{});
  const pid_t self = ::getpid();
  std::unordered_map<pid_t, ProcessRecord> processes;
  std::unordered_map<pid_t, pid_t> group_of_daemon;
  for_each_number("/proc", [&](pid_t process) {
    if (const auto record = read_process(process)) processes.emplace(process, *record);
  });
  for (const auto& [process, record] : processes) {
    if (record.parent != self || held.contains(record.group)) continue;
    const std::string mark = attempt_of(process);
    const auto group = std::ranges::find(groups, mark, &MarkedGroup::attempt);
    if (group != groups.end()) group_of_daemon.emplace(process, group->leader);
  }
  for (const auto& [process, first] : processes) {
    const ProcessRecord* record = &first;
    // The table was not read in one moment: its chains of parents need not end.
    for (int steps = 0; steps < 100; ++steps) {
      const auto daemon = group_of_daemon.find(record->process);
      const auto group = held.find(daemon == group_of_daemon.end() ? record->group : daemon->second);
      if (group != held.end()) {
        group->second.processes.push_back(process);
        group->second.resident += first.resident;
        break;
      }
      const auto parent = processes.find(record->parent);
      if (parent == processes.end()) break;
      record = &parent->second;
    }
  }
  return held;
}

std::uint64_t memory_held(pid_t process) {
  const std::string text = read_proc(fmt::format("/proc/{}/smaps_rollup", process));
  const auto anonymous = number_after(text, "Pss_Anon:");
  const auto shared = number_after(text, "Pss_Shmem:");
  if (anonymous && shared) return (*anonymous + *shared) * 1024;
  return number_after(text, "Pss:").value_or(0) * 1024;
}

std::uint64_t kernel_memory_kills() { return number_after(read_proc("/proc/vmstat"), "oom_kill ").value_or(0); }

void end_children(std::chrono::milliseconds limit, pid_t helper) {
  const auto deadline = core::monotonic_clock().now() + limit;
  while (core::monotonic_clock().now() < deadline) {
    for (const pid_t child : children_of_this_process())
      if (child != helper) ::kill(child, SIGKILL);
    pid_t reaped = 0;
    do reaped = ::waitpid(-1, nullptr, WNOHANG);
    while (reaped > 0);
    if (reaped < 0 && errno != EINTR) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  if (helper > 0) ::kill(helper, SIGKILL);
}

void end_children_of_other_sessions() {
  const pid_t ours = ::getsid(0);
  const auto deadline = core::monotonic_clock().now() + std::chrono::seconds(5);
  while (core::monotonic_clock().now() < deadline) {
    bool left = false;
    for (const pid_t child : children_of_this_process()) {
      // One that has ended keeps its session until it is reaped.
      if (::getsid(child) == ours) continue;
      left = true;
      ::kill(child, SIGKILL);
      ::waitpid(child, nullptr, WNOHANG);
    }
    if (!left) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace resolute::orchestrator
