#include "cli/launched_run.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "core/error.h"
#include "core/log.h"

namespace resolute::cli {

namespace {

using namespace std::chrono_literals;

// Signals interrupt it: it is only as long as it takes to see that a child has ended.
constexpr int kLookMilliseconds = 100;
constexpr std::chrono::milliseconds kLongestBetweenQuestions{3000};

volatile sig_atomic_t notices_seen = 0;
volatile sig_atomic_t terminations_seen = 0;

void note(int signal) {
  if (signal == SIGUSR1)
    notices_seen = notices_seen + 1;
  else
    terminations_seen = terminations_seen + 1;
}

// A launcher from its start to its end.
class Launcher {
 public:
  Launcher(pid_t process, const AllocationSignals& signals, const core::Clock& clock)
      : process_(process), signals_(signals), clock_(clock), began_(clock.now()), passed_on_(signals.notices()) {}
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
  // To the launcher alone: what it started hears of it by its own ways, and must not hear it twice.
  void pass_notices_on(std::chrono::milliseconds settling) {
    if (clock_.now() - began_ < settling) return;
    for (; passed_on_ < signals_.notices(); ++passed_on_) {
      core::log_info("SLURM gives notice: the run writes its checkpoints and ends");
      ::kill(process_, SIGUSR1);
    }
  }
  // \return whether it is being ended
  bool end_if_it_lingers(const std::function<bool()>& run_ended, std::chrono::milliseconds linger) {
    const auto now = clock_.now();
    if (stage_ == Stage::kAtWork && now - since_ >= std::min(kLongestBetweenQuestions, linger / 2)) {
      since_ = now;
      if (run_ended()) stage_ = Stage::kRunOver;
    } else if (stage_ == Stage::kRunOver && now - since_ >= linger) {
      core::log_warning("the run has ended, its launcher has not: it is ended");
      since_ = now;
      stage_ = Stage::kTold;
      ::kill(process_, SIGTERM);
    } else if (stage_ == Stage::kTold && now - since_ >= linger) {
      stage_ = Stage::kKilled;
      ::kill(process_, SIGKILL);
    }
    return stage_ >= Stage::kTold;
  }

 private:
  pid_t process_;
  const AllocationSignals& signals_;
  const core::Clock& clock_;
  core::MonotonicTime began_;
  int passed_on_;
  enum class Stage { kAtWork, kRunOver, kTold, kKilled } stage_ = Stage::kAtWork;
  core::MonotonicTime since_{};  // last asked, over, or told
};

}  // namespace

struct AllocationSignals::Before {
  struct sigaction notice;
  struct sigaction termination;
};

AllocationSignals::AllocationSignals() : before_(new Before) {
  notices_seen = 0;
  terminations_seen = 0;
  struct sigaction action {};
  action.sa_handler = note;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGUSR1, &action, &before_->notice);
  ::sigaction(SIGTERM, &action, &before_->termination);
}

AllocationSignals::~AllocationSignals() {
  ::sigaction(SIGUSR1, &before_->notice, nullptr);
  ::sigaction(SIGTERM, &before_->termination, nullptr);
  delete before_;
}

bool AllocationSignals::terminated() const { return terminations_seen > 0; }
int AllocationSignals::notices() const { return notices_seen; }

LaunchedRun run_launcher(const std::vector<std::string>& command, const std::map<std::string, std::string>& environment,
                         const AllocationSignals& signals, const std::function<bool()>& run_ended,
                         const core::Clock& clock, std::chrono::milliseconds linger,
                         std::chrono::milliseconds settling) {
  core::SpawnRequest request;
  request.arguments = command;
  request.environment = environment;
  // SLURM's SIGUSR1 comes to this process alone. What goes to the whole job has to find the launcher too, also where
  // SLURM keeps track of processes by their group.
  request.new_process_group = false;
  request.descriptors = {{1, STDOUT_FILENO}, {2, STDERR_FILENO}};
  Launcher launcher(core::spawn_process(request), signals, clock);
  LaunchedRun run{core::Exited{0}, false};
  for (;;) {
    if (auto status = launcher.poll_end()) {
      run.status = *status;
      return run;
    }
    launcher.pass_notices_on(settling);
    run.killed = launcher.end_if_it_lingers(run_ended, linger);
    ::poll(nullptr, 0, kLookMilliseconds);
  }
}

}  // namespace resolute::cli
