#include "orchestrator/spawner/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <list>

#include "core/clock.h"
#include "core/file_system.h"
#include "core/listener.h"
#include "orchestrator/spawner/framing.h"

namespace resolute::orchestrator {
namespace {

// A message with a whole line stays below the size that MPI sends without asking its receiver first: the coordinator
// never waits for the rest of one from an agent that has died.
constexpr std::size_t kMaxLine = 2048;
constexpr std::size_t kTail = 8192;
constexpr auto kLogCheck = std::chrono::seconds(5);

struct Rank {
  AttemptKey key;
  int process_rank = 0;
  pid_t process = -1;  // leader of its process group
  core::FileDescriptor progress;
  std::string line;
  std::array<std::string, 2> logs;  // standard output, standard error
  std::optional<core::MonotonicTime> kill_at;
};

core::FileDescriptor open_log(const std::string& path) {
  // The coordinator made the folder, but on another node NFS may not show it yet.
  core::real_file_system().create_directories(std::filesystem::path(path).parent_path());
  core::FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!file.valid()) throw core::system_error(fmt::format("cannot open '{}'", path), errno);
  return file;
}

// The last line that is not empty of the file's last bytes.
std::string last_line(const std::string& path) {
  core::FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (!file.valid() || ::fstat(file.get(), &status) != 0) return {};
  std::string tail(kTail, '\0');
  const off_t from = std::max<off_t>(0, status.st_size - static_cast<off_t>(kTail));
  const ssize_t count = ::pread(file.get(), tail.data(), tail.size(), from);
  tail.resize(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  const auto end = tail.find_last_not_of(" \r\n\t");
  if (end == std::string::npos) return {};
  const auto newline = tail.find_last_of('\n', end);
  const auto begin = newline == std::string::npos ? 0 : newline + 1;
  return tail.substr(begin, std::min<std::size_t>(end + 1 - begin, 500));
}

class SpawnerProcess {
 public:
  SpawnerProcess(int socket, const SpawnerOptions& options)
      : socket_(socket), options_(options), environment_(rank_environment(core::current_environment())) {
    sigset_t children;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    ::sigprocmask(SIG_BLOCK, &children, nullptr);
    child_signal_ = core::FileDescriptor(::signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK));
  }

  void serve() {
    std::string incoming;
    while (true) {
      wait();
      signalfd_siginfo ignored;
      while (::read(child_signal_.get(), &ignored, sizeof ignored) == sizeof ignored) {
      }
      read_progress();
      const bool open = read_available(socket_.get(), incoming);
      std::size_t at = 0;
      while (auto message = take_frame(incoming, at)) execute(*message);
      incoming.erase(0, at);
      reap();
      kill_overdue();
      limit_logs();
      if (!open || agent_gone_) break;
    }
    end();
  }

  // SIGKILL for every rank's group and for whatever else became our child.
  void end() {
    for (const Rank& rank : ranks_) ::kill(-rank.process, SIGKILL);
    while (true) {
      std::ifstream children(fmt::format("/proc/self/task/{}/children", ::getpid()));
      pid_t child = 0;
      while (children >> child) ::kill(child, SIGKILL);
      if (::waitpid(-1, nullptr, 0) < 0 && errno != EINTR) return;
    }
  }

 private:
  void send(const Message& message) {
    if (!write_frame(socket_.get(), message)) agent_gone_ = true;
  }

  void wait() {
    std::vector<pollfd> polled{{socket_.get(), POLLIN, 0}, {child_signal_.get(), POLLIN, 0}};
    for (const Rank& rank : ranks_)
      if (rank.progress.valid()) polled.push_back({rank.progress.get(), POLLIN, 0});
    auto until = log_check_;
    for (const Rank& rank : ranks_)
      if (rank.kill_at) until = std::min(until, *rank.kill_at);
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - core::monotonic_clock().now()).count();
    const bool timed = !ranks_.empty();
    ::poll(polled.data(), polled.size(), timed ? static_cast<int>(std::clamp<long>(left + 1, 1, 60'000)) : -1);
  }

  void execute(const Message& message) {
    if (const auto* prepare = std::get_if<Prepare>(&message)) {
      this->prepare(*prepare);
    } else if (const auto* launch = std::get_if<Launch>(&message)) {
      for (const RankCommand& command : launch->ranks) start(launch->key, command);
      listeners_.erase(launch->key);
    } else if (const auto* kill = std::get_if<Kill>(&message)) {
      listeners_.erase(kill->key);
      for (Rank& rank : ranks_) {
        if (rank.key != kill->key) continue;
        ::kill(-rank.process, kill->grace_ms > 0 ? SIGTERM : SIGKILL);
        auto at = core::monotonic_clock().now() + std::chrono::milliseconds(kill->grace_ms);
        rank.kill_at = rank.kill_at ? std::min(*rank.kill_at, at) : at;
      }
    }
  }

  void prepare(const Prepare& request) {
    try {
      core::Listener listener =
          core::listen_on_free_port(request.everywhere ? core::Reach::kEverywhere : core::Reach::kLoopback);
      listeners_[request.key] = std::move(listener.socket);
      send(Prepared{request.key, listener.port, {}});
    } catch (const core::RuntimeError& error) {
      send(Prepared{request.key, 0, error.what()});
    }
  }

  void start(const AttemptKey& key, const RankCommand& command) {
    Rank rank;
    rank.key = key;
    rank.process_rank = command.process_rank;
    rank.logs = {command.out, command.err};
    try {
      core::FileDescriptor out = open_log(command.out);
      core::FileDescriptor err = open_log(command.err);
      core::SpawnRequest request;
      request.arguments = command.arguments;
      request.environment = environment_;
      request.descriptors = {{1, out.get()}, {2, err.get()}};
      core::Pipe progress;
      if (command.progress) {
        progress = core::make_pipe();
        request.descriptors[kProgressDescriptor] = progress.write_end.get();
      }
      if (command.listener) {
        auto listener = listeners_.find(key);
        if (listener == listeners_.end()) throw core::input_error("no port was prepared for the rendezvous");
        request.descriptors[kListenerDescriptor] = listener->second.get();
      }
      rank.process = core::spawn_process(request);
      rank.progress = std::move(progress.read_end);
      if (rank.progress.valid()) ::fcntl(rank.progress.get(), F_SETFL, O_NONBLOCK);
    } catch (const core::RuntimeError& error) {
      // A program that cannot be executed is configuration; a machine short of processes or descriptors may recover.
      send(RankEnded{key, command.process_rank, core::exit_code(error.kind()), 0, error.what()});
      return;
    }
    send(RankStarted{key, command.process_rank});
    ranks_.push_back(std::move(rank));
  }

  void read_progress() {
    for (Rank& rank : ranks_) {
      if (!rank.progress.valid()) continue;
      std::array<char, 8192> block;
      while (true) {
        ssize_t count = ::read(rank.progress.get(), block.data(), block.size());
        if (count < 0) break;
        if (count == 0) {
          rank.progress.reset();
          break;
        }
        for (char c : std::string_view(block.data(), static_cast<std::size_t>(count))) {
          if (c != '\n') {
            if (rank.line.size() < kMaxLine) rank.line.push_back(c);
            continue;
          }
          send(ProgressLine{rank.key, rank.line});
          rank.line.clear();
        }
      }
    }
  }

  void reap() {
    int word = 0;
    for (pid_t ended = 0; (ended = ::waitpid(-1, &word, WNOHANG)) > 0;) {
      auto rank = std::find_if(ranks_.begin(), ranks_.end(), [&](const Rank& r) { return r.process == ended; });
      if (rank == ranks_.end()) continue;  // an orphan of a rank
      // What a rank left in its group goes with it, and its last progress lines come before its end.
      ::kill(-ended, SIGKILL);
      read_progress();
      RankEnded report{rank->key, rank->process_rank, 0, 0, {}};
      const core::ExitStatus status = core::to_exit_status(word);
      if (const auto* exited = std::get_if<core::Exited>(&status)) report.code = exited->code;
      if (const auto* killed = std::get_if<core::Killed>(&status)) report.signal = killed->signal;
      if (report.code != 0 || report.signal != 0) report.evidence = last_line(rank->logs[1]);
      ranks_.erase(rank);
      send(report);
    }
  }

  void kill_overdue() {
    const auto now = core::monotonic_clock().now();
    for (Rank& rank : ranks_) {
      if (!rank.kill_at || now < *rank.kill_at) continue;
      ::kill(-rank.process, SIGKILL);
      rank.kill_at.reset();
    }
  }

  // Log files are opened for appending, so that a rank goes on at the new end after its log was cut.
  void limit_logs() {
    const auto now = core::monotonic_clock().now();
    if (now < log_check_) return;
    log_check_ = now + kLogCheck;
    for (const Rank& rank : ranks_) {
      for (const std::string& path : rank.logs) {
        struct stat status {};
        if (::stat(path.c_str(), &status) != 0 || static_cast<std::uint64_t>(status.st_size) <= options_.log_limit)
          continue;
        core::FileDescriptor file(::open(path.c_str(), O_WRONLY | O_TRUNC | O_APPEND | O_CLOEXEC));
        const std::string note = fmt::format("[resolute: {} bytes were cut here, the limit of a log is {}]\n",
                                             status.st_size, options_.log_limit);
        if (file.valid()) [[maybe_unused]]
          ssize_t ignored = ::write(file.get(), note.data(), note.size());
      }
    }
  }

  core::FileDescriptor socket_;
  SpawnerOptions options_;
  std::map<std::string, std::string> environment_;
  core::FileDescriptor child_signal_;
  std::map<AttemptKey, core::FileDescriptor> listeners_;
  std::list<Rank> ranks_;
  core::MonotonicTime log_check_ = core::monotonic_clock().now() + kLogCheck;
  bool agent_gone_ = false;
};

// mpirun waits for whoever holds the outputs that it gave to its ranks; every other inherited descriptor goes too.
void drop_inherited(int keep) {
  int null_device = ::open("/dev/null", O_RDWR);
  for (int standard = 0; standard <= 2; ++standard) ::dup2(null_device, standard);
  if (null_device > 2) ::close(null_device);
  const long limit = std::min<long>(::sysconf(_SC_OPEN_MAX), 65536);
  for (int descriptor = 3; descriptor < limit; ++descriptor)
    if (descriptor != keep) ::close(descriptor);
}

}  // namespace

void run_spawner(int socket, const SpawnerOptions& options) {
  try {
    ::setsid();
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    // Ends are for the agent to decide: a signal to its whole job must not take the ranks' checkpoints.
    for (int number : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE}) ::signal(number, SIG_IGN);
    drop_inherited(socket);
    SpawnerProcess process(socket, options);
    try {
      process.serve();
    } catch (const std::exception&) {
      process.end();
      ::_exit(1);
    }
    ::_exit(0);
  } catch (...) {
    ::_exit(1);
  }
}

}  // namespace resolute::orchestrator
