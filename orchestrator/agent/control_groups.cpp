#include "orchestrator/agent/control_groups.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <random>
#include <sstream>
#include <thread>

#include "core/clock.h"
#include "core/error.h"

namespace resolute::orchestrator {
namespace {

namespace fs = std::filesystem;

// A path as /proc/PID/mountinfo writes it: a blank is \040.
std::string unescaped(const std::string& text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      plain.push_back(static_cast<char>(std::stoi(text.substr(i + 1, 3), nullptr, 8)));
      i += 3;
    } else {
      plain.push_back(text[i]);
    }
  }
  return plain;
}

// Nobody removes the groups of an agent, a spawner and a guard that were killed together. One in use cannot be removed.
void remove_groups_of_the_dead(const fs::path& parent) {
  std::error_code error;
  for (fs::directory_iterator at(parent, error), end; !error && at != end; at.increment(error)) {
    pid_t agent = 0;
    if (std::sscanf(at->path().filename().c_str(), "resolute-%d-", &agent) == 1 && agent > 0 && ::kill(agent, 0) != 0 &&
        errno == ESRCH)
      remove_control_group(at->path());
  }
}

}  // namespace

fs::path own_control_group(const fs::path& proc) {
  std::string name;  // as the hierarchy names it: "/user.slice/…"
  std::ifstream groups(proc / "cgroup");
  for (std::string line; std::getline(groups, line);)
    if (line.starts_with("0::/")) name = line.substr(3);
  if (name.empty() || name.starts_with("/..")) return {};  // none, or outside of what this process is shown
  std::ifstream mounts(proc / "mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    // number, parent, device, root, mount point, … - type, source, …
    if (line.find(" - cgroup2 ") == std::string::npos) continue;
    std::istringstream words(line);
    std::string root, place;
    for (int i = 0; i < 3; ++i) words >> root;
    words >> root >> place;
    root = unescaped(root);
    if (root == "/") root.clear();
    if (name == root || name.starts_with(root + "/")) return unescaped(place) + name.substr(root.size());
  }
  return {};
}

fs::path make_control_groups() {
  const fs::path parent = own_control_group();
  if (parent.empty()) return {};
  remove_groups_of_the_dead(parent);
  // Others here may have our number, in a name space of their own.
  const fs::path groups = parent / fmt::format("resolute-{}-{:08x}", ::getpid(), std::random_device()());
  return make_control_group(groups) ? groups : fs::path();
}

bool make_control_group(const fs::path& group) {
  if (::mkdir(group.c_str(), 0755) != 0) return false;
  if (::access((group / "cgroup.kill").c_str(), W_OK) == 0) return true;
  ::rmdir(group.c_str());
  return false;
}

core::FileDescriptor open_control_group(const fs::path& group) {
  return core::FileDescriptor(::open(group.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
}

void kill_control_group(const fs::path& group) {
  const core::FileDescriptor file(::open((group / "cgroup.kill").c_str(), O_WRONLY | O_CLOEXEC));
  if (file.valid()) [[maybe_unused]]
    const ssize_t ignored = ::write(file.get(), "1", 1);
}

bool remove_control_group(const fs::path& group) {
  if (::rmdir(group.c_str()) == 0 || errno == ENOENT) return true;
  std::error_code error;
  for (fs::directory_iterator at(group, error), end; !error && at != end; at.increment(error)) {
    std::error_code unknown;
    if (at->is_directory(unknown)) remove_control_group(at->path());
  }
  return ::rmdir(group.c_str()) == 0 || errno == ENOENT;
}

void end_control_group(const fs::path& group, std::chrono::milliseconds limit) {
  if (group.empty()) return;
  const auto deadline = core::monotonic_clock().now() + limit;
  kill_control_group(group);
  while (!remove_control_group(group) && core::monotonic_clock().now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

std::string why_no_control_groups() {
  const fs::path parent = own_control_group();
  if (parent.empty()) return "there is no cgroup v2 here";
  const fs::path group = make_control_groups();
  if (group.empty()) return fmt::format("none can be made in '{}'", parent.string());
  std::string why;
  try {
    const core::FileDescriptor place = open_control_group(group);
    core::SpawnRequest request;
    request.arguments = {"/bin/sh", "-c", "read -r line"};
    const core::Pipe never = core::make_pipe();
    request.descriptors[0] = never.read_end.get();
    request.control_group = place.get();
    const pid_t child = core::spawn_process(request);
    std::ifstream members(group / "cgroup.procs");
    pid_t member = 0;
    if (!(members >> member) || member != child) why = fmt::format("no process can be started in '{}'", group.string());
    kill_control_group(group);
    if (!why.empty()) ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
  } catch (const core::RuntimeError& error) {
    why = error.what();
  }
  end_control_group(group, std::chrono::seconds(1));
  return why;
}

}  // namespace resolute::orchestrator
