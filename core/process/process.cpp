#include "core/process/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <string_view>
#include <system_error>
#include <thread>

#include "core/clock.h"
#include "core/error.h"

extern char** environ;  // NOLINT: POSIX name

namespace resolute::core {
namespace {

constexpr std::size_t kMaxCapture = std::size_t{64} << 20;

void add_variable(std::map<std::string, std::string>& variables, std::string_view entry) {
  const auto equals = entry.find('=');
  if (equals != std::string_view::npos) variables.emplace(entry.substr(0, equals), entry.substr(equals + 1));
}

std::string search_path(const std::map<std::string, std::string>& environment) {
  const auto found = environment.find("PATH");
  return found == environment.end() ? "/usr/bin:/bin" : found->second;
}

std::string resolve_program(const std::string& name, const std::map<std::string, std::string>& environment) {
  if (name.find('/') != std::string::npos) return name;
  if (const auto program = program_on_path(environment, name)) return program->string();
  throw input_error(fmt::format("program '{}' is not on PATH", name),
                    fmt::format("PATH is '{}'", search_path(environment)));
}

// The limit that set_up_process() found. Many programs are slow, or fail, where they may open very many files.
std::optional<rlimit> g_files_before;

struct ChildPlan {
  const char* program;
  char* const* arguments;
  char* const* environment;
  const std::pair<int, int>* descriptors;  // target, source; sources are above every target
  std::size_t descriptor_count;
  const cpu_set_t* processors;  // nullptr: the parent's
  std::size_t processors_size;
  const char* oom_score_adjustment;  // text; nullptr: the parent's
  int control_group;                 // -1: the parent's
  bool new_process_group;
  bool die_with_parent;
  const rlimit* files;  // that it may open; nullptr: as many as the parent
  pid_t parent;
  int* error;  // errno of what failed in the child; in memory that it shares
};

constexpr int kTriesOfBusyFile = 50;
constexpr std::chrono::milliseconds kBetweenTries{100};

// \return false in a folder that was removed, or that lies outside of this process's root
bool is_in_folder() {
  std::array<char, PATH_MAX> name;
  return ::syscall(SYS_getcwd, name.data(), name.size()) < 0 ? errno != ENOENT : name.front() == '/';
}

// The child until exec: only async-signal-safe calls, and every signal is blocked. It returns only when something has
// failed. Best effort is what it does to be taken first when memory runs out.
int run_child(void* argument) {
  const ChildPlan& plan = *static_cast<const ChildPlan*>(argument);
  const auto fail = [&] {
    *plan.error = errno;
    return 127;
  };
  if (plan.new_process_group && ::setpgid(0, 0) != 0) return fail();
  if (plan.die_with_parent) {
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return fail();
    // The parent may have died before the call above took hold.
    if (::getppid() != plan.parent) return 127;
  }
  if (plan.files != nullptr && ::setrlimit(RLIMIT_NOFILE, plan.files) != 0) return fail();
  if (plan.processors != nullptr && ::sched_setaffinity(0, plan.processors_size, plan.processors) != 0) return fail();
  if (plan.oom_score_adjustment != nullptr) {
    const int file = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    [[maybe_unused]] ssize_t ignored = ::write(file, plan.oom_score_adjustment, ::strlen(plan.oom_score_adjustment));
    ::close(file);
  }
  // Libraries of the parent (MPI among them) leave descriptors open across exec; a child must not hold their sockets.
  drop_descriptors(3, /*at_exec=*/true);
  for (std::size_t i = 0; i < plan.descriptor_count; ++i)
    if (::dup2(plan.descriptors[i].second, plan.descriptors[i].first) < 0) return fail();
  // Handlers before the mask: the parent's must never run on its memory in another process.
  // Also those of real time; 32 and 33, the library's own, it refuses, and nothing comes of that.
  for (int number = 1; number <= SIGRTMAX; ++number)
    if (number != SIGKILL && number != SIGSTOP) ::signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  // From a folder that is gone MKL, for one, does not find its own file.
  if (!is_in_folder() && ::chdir("/") != 0) return fail();
  ::execve(plan.program, plan.arguments, plan.environment);
  return fail();
}

#ifdef __SANITIZE_THREAD__
constexpr int kCloneFlags = CLONE_VFORK | SIGCHLD;  // it takes every clone for a fork, and notes what the child does
#else
constexpr int kCloneFlags = CLONE_VM | CLONE_VFORK | SIGCHLD;
#endif

// A number that a child can write, whether it shares the rest of our memory or not.
class SharedNumber {
 public:
  SharedNumber() : place_(::mmap(nullptr, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
    if (place_ == MAP_FAILED) throw system_error("cannot map a page", errno);
  }
  ~SharedNumber() { ::munmap(place_, sizeof(int)); }
  SharedNumber(const SharedNumber&) = delete;
  SharedNumber& operator=(const SharedNumber&) = delete;
  int* get() const { return static_cast<int*>(place_); }

 private:
  void* place_;
};

using ChildStack = std::array<std::byte, 32768>;

// A child that moves itself takes a lock for which every fork of the machine waits; one that is born in its group does
// not. The C library has no function for that call, so the child's first steps stand here. On other processors it gets
// a copy of our memory instead of a stack, which halves the rate of short jobs. \return negative: refused
pid_t start_in_control_group(ChildPlan& plan, [[maybe_unused]] ChildStack& stack) {
  constexpr std::uint64_t kIntoControlGroup = 0x200000000;  // CLONE_INTO_CGROUP, Linux 5.7
  // struct clone_args: flags, …, the signal at its end, the stack, its size, …, the group.
  std::array<std::uint64_t, 11> arguments{};
  arguments[0] = kIntoControlGroup | CLONE_VFORK;
  arguments[4] = SIGCHLD;
  arguments[10] = static_cast<std::uint64_t>(plan.control_group);
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
  arguments[0] |= CLONE_VM;
  arguments[5] = reinterpret_cast<std::uint64_t>(stack.data());
  arguments[6] = stack.size();
  long child = SYS_clone3;
  // In the child: exit(run_child(&plan)).
  asm volatile(
      "syscall\n\t"
      "test %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "mov %[plan], %%rdi\n\t"
      "call *%[run]\n\t"
      "mov %%eax, %%edi\n\t"
      "mov %[exit], %%eax\n\t"
      "syscall\n"
      "1:"
      : "+a"(child)
      : "D"(arguments.data()), "S"(sizeof arguments), [plan] "r"(&plan), [run] "r"(&run_child), [exit] "i"(SYS_exit)
      : "rcx", "r11", "memory");
  return static_cast<pid_t>(child);
#else
  const auto child = static_cast<pid_t>(::syscall(SYS_clone3, arguments.data(), sizeof arguments));
  if (child == 0) ::_exit(run_child(&plan));
  return child;
#endif
}

// The child borrows our memory, on a stack of its own, while we stand still until it has called exec or ended.
// posix_spawn does the same, but knows no PR_SET_PDEATHSIG. A fork copies page tables instead: 0.4 ms for 20 MB,
// against 60 µs.
pid_t start_child(ChildPlan& plan) {
  alignas(64) static thread_local ChildStack stack;
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_t child = plan.control_group >= 0 ? start_in_control_group(plan, stack) : -1;
  if (child < 0) child = ::clone(run_child, stack.data() + stack.size(), kCloneFlags, &plan);
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (child < 0) throw system_error("cannot start a process", error);
  return child;
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

void set_up_process() {
  if (rlimit files{}; !g_files_before && ::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    const rlimit most{files.rlim_max, files.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &most) == 0) g_files_before = files;
  }
  // The lowest number that is free is the one that open() gives out.
  // Nothing can be written to a closed stdout: a result that nobody gets is no success (flush_output()).
  for (int standard = 0; standard <= 2; ++standard)
    if (::fcntl(standard, F_GETFD) < 0)
      ::open("/dev/null", standard == STDOUT_FILENO ? O_RDONLY : O_RDWR);  // NOLINT: inherited, as a standard one is
  ::signal(SIGXFSZ, SIG_IGN);
  ::signal(SIGCHLD, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void undo_set_up() {
  if (g_files_before) ::setrlimit(RLIMIT_NOFILE, &*g_files_before);
}

void leave_process(int exit_code) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  std::exit(exit_code);
#else
  std::cout.flush();
  std::fflush(nullptr);
  ::_exit(exit_code);
#endif
}

void drop_descriptors(int first, bool at_exec) {
  if (::syscall(SYS_close_range, static_cast<unsigned>(first), ~0U, at_exec ? CLOSE_RANGE_CLOEXEC : 0U) == 0) return;
  // Linux before 5.11 refuses. Functions of the C library that read folders ask for memory, which a child must not.
  const int folder = ::open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  alignas(dirent64) std::array<char, 2048> entries;
  for (long size = 0; (size = ::syscall(SYS_getdents64, folder, entries.data(), entries.size())) > 0;)
    for (const char *place = entries.data(), *end = place + size; place < end;) {
      const auto* entry = reinterpret_cast<const dirent64*>(place);
      const int descriptor = std::atoi(entry->d_name);  // "." and "..": 0
      if (descriptor >= first && at_exec) ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
      if (descriptor >= first && !at_exec && descriptor != folder) ::close(descriptor);
      place += entry->d_reclen;
    }
  ::close(folder);
}

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
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) add_variable(variables, *entry);
  return variables;
}

std::map<std::string, std::string> environment_at_birth(pid_t process) {
  std::map<std::string, std::string> variables;
  std::ifstream file(fmt::format("/proc/{}/environ", process), std::ios::binary);
  for (std::string entry; std::getline(file, entry, '\0');) add_variable(variables, entry);
  return variables;
}

std::string variable_in(const std::map<std::string, std::string>& environment, const std::string& name) {
  const auto found = environment.find(name);
  return found == environment.end() ? std::string() : found->second;
}

std::filesystem::path own_program() {
  std::error_code error;
  std::string self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) throw system_error("cannot find this program's own file", error.value());
  // Linux says so of one that was replaced meanwhile: the new one is meant.
  constexpr std::string_view kReplaced = " (deleted)";
  if (self.ends_with(kReplaced)) self.resize(self.size() - kReplaced.size());
  return self;
}

std::string host_name() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  return ::gethostname(name.data(), HOST_NAME_MAX) == 0 ? name.data() : "unknown";
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

  FileDescriptor null_device(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null_device.valid()) throw system_error("cannot open '/dev/null'", errno);
  std::map<int, int> wanted = {{0, null_device.get()}, {1, null_device.get()}, {2, null_device.get()}};
  for (const auto& [target, source] : request.descriptors) wanted[target] = source;
  // A source that is itself a target number is copied above all of them first, so that no dup2 overwrites it.
  const int highest = wanted.rbegin()->first;
  std::vector<FileDescriptor> copies;
  std::vector<std::pair<int, int>> descriptors;
  for (const auto& [target, source] : wanted) {
    int from = source;
    if (source <= highest) {
      copies.emplace_back(::fcntl(source, F_DUPFD_CLOEXEC, highest + 1));
      if (!copies.back().valid()) throw system_error("cannot duplicate a file descriptor", errno);
      from = copies.back().get();
    }
    descriptors.emplace_back(target, from);
  }
  std::vector<cpu_set_t> processors;
  for (const int processor : request.processors) {
    const auto place = static_cast<std::size_t>(processor);
    if (processors.size() <= place / CPU_SETSIZE) processors.resize(place / CPU_SETSIZE + 1);
    CPU_SET_S(place, processors.size() * sizeof(cpu_set_t), processors.data());
  }
  const std::string oom_score_adjustment =
      request.oom_score_adjustment ? std::to_string(*request.oom_score_adjustment) : std::string();

  const SharedNumber error;
  ChildPlan plan{program.c_str(),
                 arguments.data(),
                 environment.data(),
                 descriptors.data(),
                 descriptors.size(),
                 processors.empty() ? nullptr : processors.data(),
                 processors.size() * sizeof(cpu_set_t),
                 request.oom_score_adjustment ? oom_score_adjustment.c_str() : nullptr,
                 request.control_group,
                 request.new_process_group,
                 request.die_with_parent,
                 g_files_before ? &*g_files_before : nullptr,
                 ::getpid(),
                 error.get()};
  pid_t child = start_child(plan);
  // A build or a copy that replaces the program has it open for some seconds.
  for (int tries = 0; *error.get() == ETXTBSY && tries < kTriesOfBusyFile; ++tries) {
    reap(child);
    *error.get() = 0;
    std::this_thread::sleep_for(kBetweenTries);
    child = start_child(plan);
  }
  if (*error.get() == 0) return child;
  reap(child);
  throw system_error(fmt::format("cannot start '{}'", program), *error.get());
}

bool CommandOutput::succeeded() const {
  const auto* exited = std::get_if<Exited>(&status);
  return !timed_out && exited != nullptr && exited->code == 0;
}

std::string CommandOutput::last_error_line() const {
  const std::string_view text = std::string_view(err).substr(0, err.find_last_not_of('\n') + 1);  // npos + 1 is 0
  return std::string(text.substr(text.rfind('\n') + 1));
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

bool is_executable(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored) && ::access(path.c_str(), X_OK) == 0;
}

std::optional<std::filesystem::path> program_on_path(const std::map<std::string, std::string>& environment,
                                                     const std::string& name) {
  const std::string folders = search_path(environment);
  for (std::size_t begin = 0, end = 0; end != folders.size(); begin = end + 1) {
    end = std::min(folders.find(':', begin), folders.size());
    // An empty one is the working folder, also at the end.
    const std::string folder = end == begin ? "." : folders.substr(begin, end - begin);
    if (const auto program = std::filesystem::path(folder) / name; is_executable(program)) return program;
  }
  return std::nullopt;
}

}  // namespace resolute::core
