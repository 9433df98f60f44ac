#include "operations/start/launched_run.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <utility>
#include <variant>

#include "core/error.h"
#include "core/log.h"

namespace resolute::operations {

namespace {

using namespace std::chrono_literals;

// Signals interrupt the wait: it only delays the news that a child has ended.
constexpr int kLookMilliseconds = 100;
constexpr std::chrono::milliseconds kLongestBetweenQuestions{3000};
constexpr std::size_t kLongestLine = 4096;
constexpr std::chrono::seconds kAnswerLimit{10};

// Empty where there is no such program, or it fails; nothing where it was ended before it could say.
std::optional<std::string> answer_of(std::vector<std::string> command,
                                     const std::map<std::string, std::string>& environment) {
  try {
    const auto output = core::run_command({std::move(command), environment}, kAnswerLimit);
    if (output.timed_out || !std::holds_alternative<core::Exited>(output.status)) return std::nullopt;
    return output.succeeded() ? output.out + output.err : "";
  } catch (const core::RuntimeError&) {
    return "";
  }
}

// Writes all of it, or as much as is taken.
void write_whole(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno != EINTR && errno != EAGAIN) return;
    text.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(written, 0)));
  }
}

// The launcher's standard error on its way to ours.
class Errors {
 public:
  explicit Errors(core::FileDescriptor from) : from_(std::move(from)) {
    ::fcntl(from_.get(), F_SETFL, ::fcntl(from_.get(), F_GETFL) | O_NONBLOCK);
  }
  int descriptor() const { return from_.get(); }
  // Takes what has come, at least what a pipe holds; not more than 1 MiB if more comes all the time.
  void pass_on() {
    std::array<char, 65536> block;
    for (int taken = 0; taken < 16 && from_.valid(); ++taken) {
      const ssize_t count = ::read(from_.get(), block.data(), block.size());
      if (count < 0) break;
      if (count == 0) return from_.reset();
      const std::string_view text(block.data(), static_cast<std::size_t>(count));
      write_whole(STDERR_FILENO, text);
      look_at(text);
    }
  }
  bool heard_of_a_killed_process() const { return killed_process_; }

 private:
  void look_at(std::string_view text) {
    for (const char c : text) {
      if (c == '\n') {
        killed_process_ = killed_process_ || tells_of_a_killed_process(line_);
        line_.clear();
      } else if (line_.size() < kLongestLine) {
        line_.push_back(c);
      }
    }
  }
  core::FileDescriptor from_;
  std::string line_;
  bool killed_process_ = false;
};

class Launcher {
 public:
  // The launcher hears of no signal that came before it.
  Launcher(const core::SpawnRequest& request, const AllocationSignals& signals, const core::Clock& clock)
      : signals_(signals),
        clock_(clock),
        began_(clock.now()),
        passed_on_(signals.notices()),
        process_(core::spawn_process(request)) {}
  ~Launcher() {
    if (process_ < 0) return;
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }
  Launcher(const Launcher&) = delete;
  Launcher& operator=(const Launcher&) = delete;

  std::optional<core::ExitStatus> poll_end() {
    int word = 0;
    const pid_t ended = ::waitpid(process_, &word, WNOHANG);
    if (ended == 0 || (ended < 0 && errno == EINTR)) return std::nullopt;
    if (ended < 0) throw core::system_error("cannot wait for the launcher", errno);
    process_ = -1;
    return core::to_exit_status(word);
  }
  // Only the launcher gets it: it tells its processes, and they must not hear it twice.
  void pass_notices_on(std::chrono::milliseconds settling) {
    if (clock_.now() - began_ < settling) return;
    for (; passed_on_ < signals_.notices(); ++passed_on_) {
      core::log_info("SLURM gives notice: the run writes its checkpoints and ends");
      ::kill(process_, SIGUSR1);
    }
  }
  // Call it again and again. \param loss srun has said that a process was killed \return true if the launcher is being
  // ended
  bool end_if_it_lingers(const RunQuestions& run, bool loss, std::chrono::milliseconds linger) {
    const auto now = clock_.now();
    if (loss && loss_ == Loss::kNone) {
      loss_ = Loss::kHeardOf;
      lost_ = now;
    }
    if (stage_ == Stage::kAtWork && loss_ == Loss::kHeardOf && now - lost_ >= linger / 3) {
      loss_ = Loss::kLookedInto;
      if (!run.began()) end(now, "a process was killed before the run began, and the others wait for it");
    } else if (stage_ == Stage::kAtWork && now - since_ >= std::min(kLongestBetweenQuestions, linger / 2)) {
      if (run.ended()) stage_ = Stage::kRunOver;
      since_ = clock_.now();  // a store that blocks takes its time
    } else if (stage_ == Stage::kRunOver && now - since_ >= linger) {
      end(now, "the run has ended, its launcher has not");
    } else if (stage_ == Stage::kAsked && now - since_ >= linger) {
      stage_ = Stage::kKilled;
      ::kill(process_, SIGKILL);
    }
    return stage_ >= Stage::kAsked;
  }

 private:
  void end(core::MonotonicTime now, std::string_view why) {
    core::log_warning("{}: the launcher is ended", why);
    since_ = now;
    stage_ = Stage::kAsked;
    ::kill(process_, SIGTERM);
  }

  const AllocationSignals& signals_;
  const core::Clock& clock_;
  core::MonotonicTime began_;
  int passed_on_;
  pid_t process_;  // a notice that comes while it is spawned counts
  enum class Stage { kAtWork, kRunOver, kAsked, kKilled } stage_ = Stage::kAtWork;
  core::MonotonicTime since_{};  // last asked, over, or told
  enum class Loss { kNone, kHeardOf, kLookedInto } loss_ = Loss::kNone;
  core::MonotonicTime lost_{};
};

}  // namespace

// "srun: error: n1: task 0: Segmentation fault (core dumped)", "srun: error: n[1-2]: tasks 0-1: Killed"; with an exit
// code the process has said why itself, and the others may have done so too.
bool tells_of_a_killed_process(std::string_view line) {
  constexpr std::string_view kError = "srun: error: ";
  if (!line.starts_with(kError)) return false;
  for (const std::string_view task : {": task ", ": tasks "}) {
    const auto at = line.find(task, kError.size());
    if (at == std::string_view::npos) continue;
    const auto numbers = at + task.size();
    const auto end = line.find_first_not_of("0123456789,-", numbers);
    if (end == numbers || end == std::string_view::npos || !line.substr(end).starts_with(": ")) continue;
    return !line.substr(end + 2).starts_with("Exited with exit code");
  }
  return false;
}

std::vector<slurm::Launcher> launchers_here(int nodes, const std::map<std::string, std::string>& environment,
                                            const std::string& mpi) {
  const auto kinds = answer_of({"srun", "--mpi=list"}, environment);
  const auto mpirun = answer_of({"mpirun", "--version"}, environment);
  auto launchers = slurm::launchers_to_try(nodes, kinds.value_or(""), !mpirun.value_or("").empty(), mpi);
  if (launchers.empty() && !(kinds && mpirun))
    throw core::RuntimeError(core::ErrorKind::kTransient,
                             fmt::format("`{}` has not answered", kinds ? "mpirun --version" : "srun --mpi=list"),
                             fmt::format("it was killed, or took more than {} s", kAnswerLimit.count()),
                             "try again: its file system may have been slow");
  return launchers;
}

slurm::Mpirun mpirun_here(const std::map<std::string, std::string>& environment) {
  return slurm::mpirun_of(answer_of({"mpirun", "--version"}, environment).value_or(""));
}

LaunchedRun run_launcher(const std::vector<std::string>& command, const std::map<std::string, std::string>& environment,
                         const AllocationSignals& signals, const RunQuestions& run, const core::Clock& clock,
                         std::chrono::milliseconds linger, std::chrono::milliseconds settling) {
  core::SpawnRequest request;
  request.arguments = command;
  request.environment = environment;
  // SLURM's SIGUSR1 comes to this process alone. A signal to the whole job must reach the launcher too, also if SLURM
  // tracks processes by their group.
  request.new_process_group = false;
  core::Pipe errors = core::make_pipe();
  request.descriptors = {{1, STDOUT_FILENO}, {2, errors.write_end.get()}};
  Launcher launcher(request, signals, clock);
  errors.write_end.reset();
  Errors passed_on(std::move(errors.read_end));
  LaunchedRun launched{core::Exited{0}, false};
  for (;;) {
    const auto status = launcher.poll_end();
    passed_on.pass_on();
    if (status) {
      launched.status = *status;
      return launched;
    }
    launcher.pass_notices_on(settling);
    launched.killed = launcher.end_if_it_lingers(run, passed_on.heard_of_a_killed_process(), linger);
    pollfd polled{passed_on.descriptor(), POLLIN, 0};
    ::poll(&polled, 1, kLookMilliseconds);
  }
}

}  // namespace resolute::operations
