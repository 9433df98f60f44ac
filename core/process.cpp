#include "core/process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "core/clock.h"
#include "core/error.h"

extern char** environ;  // NOLINT: POSIX name

namespace resolute::core {
namespace {

constexpr std::size_t kMaxCapture = std::size_t{64} << 20;

std::string resolve_program(const std::string& name, const std::map<std::string, std::string>& environment) {
  if (name.find('/') != std::string::npos) return name;
  auto found = environment.find("PATH");
  std::string path = found == environment.end() ? "/usr/bin:/bin" : found->second;
  for (std::size_t begin = 0; begin <= path.size();) {
    std::size_t end = std::min(path.find(':', begin), path.size());
    std::string candidate = path.substr(begin, end - begin) + "/" + name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    begin = end + 1;
  }
  throw input_error(fmt::format("program '{}' is not on PATH", name), fmt::format("PATH is '{}'", path));
}

// Everything below runs between fork and exec: only async-signal-safe calls.
[[noreturn]] void fail_in_child(int report) {
  int error = errno;
  [[maybe_unused]] ssize_t ignored = ::write(report, &error, sizeof error);
  ::_exit(127);
}

struct ChildPlan {
  const char* program;
  char* const* arguments;
  char* const* environment;
  const char* working_folder;
  const std::pair<int, int>* descriptors;  // target, source; sources are above every target
  std::size_t descriptor_count;
  bool new_process_group;
  bool die_with_parent;
  pid_t parent;
};

[[noreturn]] void run_child(const ChildPlan& plan, int report) {
  if (plan.new_process_group && ::setpgid(0, 0) != 0) fail_in_child(report);
  if (plan.die_with_parent) {
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) fail_in_child(report);
    // The parent may have died before the call above took hold.
    if (::getppid() != plan.parent) ::_exit(127);
  }
  // Libraries of the parent (MPI among them) leave descriptors open across exec; a child must not hold their sockets.
  // An old kernel refuses the call: then those stay as they are.
  ::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
  for (std::size_t i = 0; i < plan.descriptor_count; ++i)
    if (::dup2(plan.descriptors[i].second, plan.descriptors[i].first) < 0) fail_in_child(report);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int number = 1; number < 32; ++number)
    if (number != SIGKILL && number != SIGSTOP) ::signal(number, SIG_DFL);
  if (plan.working_folder != nullptr && ::chdir(plan.working_folder) != 0) fail_in_child(report);
  ::execve(plan.program, plan.arguments, plan.environment);
  fail_in_child(report);
}

// Waits for a child that has ended or is about to. \return waitpid's word
int reap(pid_t child) {
  int word = 0;
  while (::waitpid(child, &word, 0) < 0)
    if (errno != EINTR) throw system_error("cannot wait for a child", errno);
  return word;
}

// Reads both pipes until the other side has closed them. \return false if the deadline came first
bool capture(int out, int err, MonotonicTime deadline, CommandOutput& output) {
  std::array<pollfd, 2> polled{pollfd{out, POLLIN, 0}, pollfd{err, POLLIN, 0}};
  std::array<std::string*, 2> texts{&output.out, &output.err};
  std::array<char, 65536> buffer;
  while (polled[0].fd >= 0 || polled[1].fd >= 0) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - monotonic_clock().now()).count();
    if (left <= 0) return false;
    if (::poll(polled.data(), polled.size(), static_cast<int>(std::min<long>(left, 1000))) < 0) {
      if (errno == EINTR) continue;
      throw system_error("cannot poll a child's output", errno);
    }
    for (std::size_t i = 0; i < 2; ++i) {
      if (polled[i].fd < 0 || (polled[i].revents & (POLLIN | POLLHUP | POLLERR)) == 0) continue;
      const ssize_t count = ::read(polled[i].fd, buffer.data(), buffer.size());
      if (count > 0) {
        const std::size_t room = kMaxCapture - std::min(kMaxCapture, texts[i]->size());
        texts[i]->append(buffer.data(), std::min(room, static_cast<std::size_t>(count)));
      } else if (count == 0 || errno != EINTR) {
        polled[i].fd = -1;
      }
    }
  }
  return true;
}

}  // namespace

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (this != &other) {
    reset();
    value_ = other.release();
  }
  return *this;
}

void FileDescriptor::reset() {
  if (value_ >= 0) ::close(value_);
  value_ = -1;
}

Pipe make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw system_error("cannot make a pipe", errno);
  return {FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

std::string describe(const ExitStatus& status) {
  if (const auto* exited = std::get_if<Exited>(&status)) return fmt::format("exit code {}", exited->code);
  return fmt::format("killed by signal {}", std::get<Killed>(status).signal);
}

ExitStatus to_exit_status(int wait_status) {
  if (WIFSIGNALED(wait_status)) return Killed{WTERMSIG(wait_status)};
  return Exited{WEXITSTATUS(wait_status)};
}

std::map<std::string, std::string> current_environment() {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    std::string_view text = *entry;
    auto equals = text.find('=');
    if (equals != std::string_view::npos) variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

pid_t spawn_process(const SpawnRequest& request) {
  RESOLUTE_EXPECT(!request.arguments.empty(), "a child process needs a program");
  std::string program = resolve_program(request.arguments.front(), request.environment);
  std::vector<std::string> argument_text = request.arguments;
  std::vector<char*> arguments;
  for (auto& text : argument_text) arguments.push_back(text.data());
  arguments.push_back(nullptr);
  std::vector<std::string> environment_text;
  for (const auto& [name, value] : request.environment) environment_text.push_back(name + "=" + value);
  std::vector<char*> environment;
  for (auto& text : environment_text) environment.push_back(text.data());
  environment.push_back(nullptr);

  // Sources are first copied above every target number, so that no dup2 overwrites a source still needed.
  FileDescriptor null_device(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null_device.valid()) throw system_error("cannot open '/dev/null'", errno);
  std::map<int, int> wanted = {{0, null_device.get()}, {1, null_device.get()}, {2, null_device.get()}};
  for (const auto& [target, source] : request.descriptors) wanted[target] = source;
  int floor = std::max(wanted.rbegin()->first + 1, 10);
  std::vector<FileDescriptor> copies;
  std::vector<std::pair<int, int>> descriptors;
  for (const auto& [target, source] : wanted) {
    copies.emplace_back(::fcntl(source, F_DUPFD_CLOEXEC, floor));
    if (!copies.back().valid()) throw system_error("cannot duplicate a file descriptor", errno);
    descriptors.emplace_back(target, copies.back().get());
  }
  Pipe report = make_pipe();
  FileDescriptor report_end(::fcntl(report.write_end.get(), F_DUPFD_CLOEXEC, floor));
  if (!report_end.valid()) throw system_error("cannot duplicate a file descriptor", errno);
  report.write_end.reset();

  ChildPlan plan{program.c_str(),
                 arguments.data(),
                 environment.data(),
                 request.working_folder ? request.working_folder->c_str() : nullptr,
                 descriptors.data(),
                 descriptors.size(),
                 request.new_process_group,
                 request.die_with_parent,
                 ::getpid()};
  pid_t child = ::fork();
  if (child < 0) throw system_error("cannot fork", errno);
  if (child == 0) run_child(plan, report_end.get());
  report_end.reset();
  int child_error = 0;
  ssize_t count = 0;
  do {
    count = ::read(report.read_end.get(), &child_error, sizeof child_error);
  } while (count < 0 && errno == EINTR);
  if (count == 0) return child;
  reap(child);
  throw system_error(fmt::format("cannot start '{}'", program), child_error);
}

CommandOutput run_command(SpawnRequest request, std::chrono::milliseconds limit) {
  Pipe out = make_pipe();
  Pipe err = make_pipe();
  request.descriptors[1] = out.write_end.get();
  request.descriptors[2] = err.write_end.get();
  const pid_t child = spawn_process(request);
  out.write_end.reset();
  err.write_end.reset();
  const auto deadline = monotonic_clock().now() + limit;
  const auto kill_child = [&] { ::kill(request.new_process_group ? -child : child, SIGKILL); };
  CommandOutput output{Exited{0}, {}, {}};
  try {
    output.timed_out = !capture(out.read_end.get(), err.read_end.get(), deadline, output);
  } catch (...) {
    kill_child();
    reap(child);
    throw;
  }
  // A child may close both outputs and go on: the limit holds for it too.
  int word = 0;
  while (!output.timed_out) {
    const pid_t ended = ::waitpid(child, &word, WNOHANG);
    if (ended == child) {
      output.status = to_exit_status(word);
      return output;
    }
    if (ended < 0 && errno != EINTR) throw system_error("cannot wait for a child", errno);
    if (monotonic_clock().now() >= deadline) output.timed_out = true;
    ::poll(nullptr, 0, 1);
  }
  kill_child();
  output.status = to_exit_status(reap(child));
  return output;
}

}  // namespace resolute::core
