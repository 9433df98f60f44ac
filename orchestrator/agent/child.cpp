#include "orchestrator/agent/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "core/clock.h"
#include "core/process/listener.h"
#include "core/process/secret.h"
#include "orchestrator/agent/control_groups.h"
#include "orchestrator/agent/framing.h"
#include "orchestrator/agent/log_keeper.h"
#include "orchestrator/agent/processes.h"
#include "orchestrator/decisions/failure.h"

namespace resolute::orchestrator {
namespace {

// Reports for an agent that does not read them; ranks' progress waits in its pipes then.
constexpr std::size_t kMaxUnsent = std::size_t{4} << 20;
// The kernel takes ranks before agents and the coordinator when memory runs out.
constexpr int kRankOomScore = 500;
constexpr auto kKernelKillsAge = std::chrono::milliseconds(500);

// One that the log keeper is to get ready.
struct Starting {
  Rank rank;
  RankCommand command;
  std::string secret;
  core::FileDescriptor listener;
};

// One whose end is to be reported once its logs are whole.
struct Ended {
  RankEnded report;
  core::MonotonicTime no_later;
  std::string store_problem;  // as far as is known; empty: there is none, or the store is not asked
  bool store_has_room = false;
};

class SpawnerProcess {
 public:
  SpawnerProcess(int socket, core::FileDescriptor log_keeper, const SpawnerOptions& options,
                 std::filesystem::path groups)
      : socket_(socket), options_(options), groups_(std::move(groups)), keeper_(std::move(log_keeper)) {
    request_.environment = rank_environment(core::current_environment());
    request_.oom_score_adjustment = kRankOomScore;
    sigset_t children;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    ::sigprocmask(SIG_BLOCK, &children, nullptr);
    child_signal_ = core::FileDescriptor(::signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!child_signal_.valid()) throw core::system_error("cannot watch for the end of ranks", errno);
  }

  void serve() {
    std::string incoming;
    bool open = true;
    while (open) {
      wait();
      open = read_available(socket_.get(), incoming);
      std::size_t at = 0;
      while (auto message = take_frame(incoming, at)) execute(*message);
      incoming.erase(0, at);
      hear_keeper();
      reap();
      report_ends();
      kill_overdue();
      check_memory();
      open = write_available(socket_.get(), unsent_) && open;
    }
    end();
  }

  // SIGKILL for every rank's group and for whatever else became our child.
  void end() {
    for (const Rank& rank : ranks_) kill_all_of(rank);
    end_children(options_.end_limit);
  }

 private:
  // \param opened what the rank is started in \return its folder; empty: there are none here
  std::filesystem::path make_group(core::FileDescriptor& opened) {
    if (groups_.empty()) return {};
    std::filesystem::path group = groups_ / fmt::format("rank-{}", ++groups_made_);
    if (!make_control_group(group)) return {};
    opened = open_control_group(group);
    return group;
  }

  // A process that was killed in it may take a moment to go, and is reaped then if it is our child.
  void remove_group(const std::filesystem::path& group) {
    if (!group.empty() && !remove_control_group(group)) left_groups_.push_back(group);
  }

  void remove_left_groups() {
    std::erase_if(left_groups_, [](const auto& group) { return remove_control_group(group); });
  }

  void send(const Message& message) { append_frame(unsent_, message); }

  // Until there is something to do; reads what ranks have said.
  void wait() {
    polled_ = {{socket_.get(), static_cast<short>(unsent_.empty() ? POLLIN : POLLIN | POLLOUT), 0},
               {child_signal_.get(), POLLIN, 0},
               {keeper_.descriptor(), keeper_.events(), 0}};
    if (unsent_.size() < kMaxUnsent)
      for (const Rank& rank : ranks_) polled_.push_back({rank.progress.get(), POLLIN, 0});
    auto until = core::MonotonicTime::max();
    for (const Rank& rank : ranks_) {
      if (rank.kill_at) until = std::min(until, *rank.kill_at);
      if (rank.memory_mib > 0) until = std::min(until, memory_check_);
    }
    for (const auto& [rank, ended] : ended_) until = std::min(until, ended.no_later);
    int wait = -1;
    if (until != core::MonotonicTime::max()) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - core::monotonic_clock().now());
      wait = static_cast<int>(std::clamp<long>(left.count() + 1, 1, 60'000));
    }
    ::poll(polled_.data(), polled_.size(), wait);
    std::size_t place = 3;
    for (Rank& rank : ranks_) {
      if (place == polled_.size()) break;
      if (polled_[place++].revents != 0) send_progress(rank);
    }
  }

  void execute(const Message& message) {
    if (const auto* prepare = std::get_if<Prepare>(&message)) {
      this->prepare(*prepare);
    } else if (const auto* launch = std::get_if<Launch>(&message)) {
      for (const RankCommand& command : launch->ranks) make_ready(launch->key, command, launch->secret);
      listeners_.erase(launch->key);
    } else if (const auto* kill = std::get_if<Kill>(&message)) {
      this->kill(*kill);
    }
  }

  void kill(const Kill& request) {
    listeners_.erase(request.key);
    const int signal = request.grace_ms > 0 ? SIGTERM : SIGKILL;
    const auto now = core::monotonic_clock().now();
    for (Rank& rank : ranks_) {
      if (rank.key != request.key) continue;
      rank.killed = true;
      ::kill(-rank.process, signal);
      if (signal == SIGKILL) kill_control_group(rank.group);
      auto at = now + std::chrono::milliseconds(request.grace_ms);
      rank.kill_at = rank.kill_at ? std::min(*rank.kill_at, at) : at;
    }
    // Nothing runs of these, and nothing will.
    std::erase_if(starting_, [&](const auto& starting) {
      const Rank& rank = starting.second.rank;
      if (rank.key != request.key) return false;
      send(RankEnded{rank.key, rank.process_rank, 0, signal, {}});
      keeper_.finish(starting.first);
      return true;
    });
  }

  void prepare(const Prepare& request) {
    try {
      core::Listener listener = core::listen_on_free_port(
          request.several_hosts ? core::Reach::kHost : core::Reach::kLoopback, options_.interface);
      listeners_[request.key] = std::move(listener.socket);
      send(Prepared{request.key, listener.port, listener.address});
    } catch (const core::RuntimeError& error) {
      send(Prepared{request.key, 0, {}, error.what()});
    }
  }

  void make_ready(const AttemptKey& key, const RankCommand& command, const std::string& secret) {
    try {
      Starting starting{{}, command, secret, {}};
      Rank& rank = starting.rank;
      rank.key = key;
      rank.process_rank = command.process_rank;
      rank.memory_mib = command.memory_mib;
      rank.number = keeper_.keep(command.out, rank.out.descriptor(), command.err, rank.err.descriptor(),
                                 command.arguments.front());
      if (const auto listener = listeners_.find(key); command.listener && listener != listeners_.end())
        starting.listener = std::move(listener->second);
      const LogKeeper::Number number = rank.number;
      starting_.emplace(number, std::move(starting));
    } catch (const core::RuntimeError& error) {
      refuse(key, command, error.what());
    }
  }

  // Goes on with what waits for logs: ranks to start, ends to report.
  void hear_keeper() {
    for (const LogKeeper::Answer& answer : keeper_.exchange()) {
      if (const auto ended = ended_.find(answer.rank); ended != ended_.end()) {
        ended->second.no_later = {};
        ended->second.store_problem = answer.problem;
        ended->second.store_has_room = answer.has_room;
      }
      const auto starting = starting_.find(answer.rank);
      if (starting == starting_.end()) continue;
      if (answer.problem.empty())
        start(std::move(starting->second));
      else
        refuse(starting->second.rank.key, starting->second.command, answer.problem);
      starting_.erase(starting);
    }
  }

  void report_ends() {
    const auto now = core::monotonic_clock().now();
    std::erase_if(ended_, [&](const auto& ended) {
      const bool due = ended.second.no_later <= now;
      if (!due) return false;
      RankEnded report = ended.second.report;
      report.store_failed = !ended.second.store_problem.empty();
      if (report.store_failed) report.evidence = fmt::format("{}; {}", ended.second.store_problem, report.evidence);
      if (ended.second.store_has_room) report.evidence = std::string(kStoreHasRoom) + report.evidence;
      send(report);
      return true;
    });
  }

  // Rank 0 has seen that the program is there: what fails here is this machine's, and another may do it.
  void refuse(const AttemptKey& key, const RankCommand& command, const std::string& why) {
    send(RankEnded{key, command.process_rank, 1, 0, fmt::format("cannot be started: {}", why)});
  }

  void start(Starting starting) {
    auto& [rank, command, secret, listener] = starting;
    const AttemptKey& key = rank.key;
    rank.kernel_kills = kernel_kills_before();
    try {
      request_.arguments = command.arguments;
      request_.environment[kAttemptVariable] = mark_of(key);
      if (!options_.shares_gpus) request_.environment["CUDA_VISIBLE_DEVICES"] = command.visible_gpus;
      request_.processors = command.processors;
      request_.descriptors = {{1, rank.out.descriptor()}, {2, rank.err.descriptor()}};
      core::Pipe progress;
      if (command.progress) {
        progress = core::make_pipe();
        request_.descriptors[kProgressDescriptor] = progress.write_end.get();
      }
      if (command.listener) {
        if (!listener.valid()) throw core::input_error("no port was prepared for the rendezvous");
        request_.descriptors[kListenerDescriptor] = listener.get();
      }
      core::FileDescriptor own_secret;
      if (!secret.empty()) {
        own_secret = core::secret_pipe(secret);
        request_.descriptors[kSecretDescriptor] = own_secret.get();
      }
      core::FileDescriptor group;
      rank.group = make_group(group);
      request_.control_group = group.get();
      rank.process = core::spawn_process(request_);
      rank.progress = std::move(progress.read_end);
      if (rank.progress.valid()) ::fcntl(rank.progress.get(), F_SETFL, O_NONBLOCK);
    } catch (const core::RuntimeError& error) {
      remove_group(rank.group);
      keeper_.finish(rank.number);
      refuse(key, command, error.what());
      return;
    }
    send(RankStarted{key, command.process_rank});
    ranks_.push_back(std::move(rank));
  }

  // Read again where it is older than a while: too slow for each rank of many short ones.
  std::uint64_t kernel_kills_before() {
    const auto now = core::monotonic_clock().now();
    if (now >= kernel_kills_until_) {
      kernel_kills_ = kernel_memory_kills();
      kernel_kills_until_ = now + kKernelKillsAge;
    }
    return kernel_kills_;
  }

  void send_progress(Rank& rank) {
    for (std::string& line : read_progress(rank)) send(ProgressLine{rank.key, std::move(line)});
  }

  void reap() {
    signalfd_siginfo ignored;
    while (::read(child_signal_.get(), &ignored, sizeof ignored) == sizeof ignored) children_ended_ = true;
    if (!std::exchange(children_ended_, false)) return;
    while (true) {
      siginfo_t info{};
      if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) break;
      const pid_t process = info.si_pid;
      auto rank = std::ranges::find(ranks_, process, &Rank::process);
      // The processes that a rank left in its group go with it, while its number cannot be another's yet. Its last
      // progress lines come before its end.
      if (rank != ranks_.end()) kill_all_of(*rank);
      int word = 0;
      rusage used{};
      ::wait4(process, &word, 0, &used);
      if (rank == ranks_.end()) continue;  // an orphan of a rank
      send_progress(*rank);
      RankEnded report = report_of(*rank, core::to_exit_status(word), used);
      const bool ask = may_be_the_stores(*rank, report);
      const auto question = !ask                                ? LogKeeper::Question::kNone
                            : accuses_store(exited({}, report)) ? LogKeeper::Question::kRoom
                                                                : LogKeeper::Question::kStore;
      const auto wait = ask ? options_.store_wait : options_.log_wait;
      ended_.emplace(rank->number, Ended{std::move(report), core::monotonic_clock().now() + wait,
                                         ask ? "the store gives no answer" : ""});
      keeper_.finish(rank->number, question);
      remove_group(rank->group);
      ranks_.erase(rank);
    }
    remove_left_groups();
    end_orphans(ranks_);
  }

  void kill_overdue() {
    const auto now = core::monotonic_clock().now();
    for (Rank& rank : ranks_) {
      if (!rank.kill_at || now < *rank.kill_at) continue;
      kill_all_of(rank);
      rank.kill_at.reset();
    }
  }

  // Kills ranks that hold more memory than they may, with their group and all that descends from them.
  void check_memory() {
    const auto now = core::monotonic_clock().now();
    if (now < memory_check_) return;
    memory_check_ = now + options_.memory_check;
    if (std::ranges::none_of(ranks_, [](const Rank& rank) { return rank.memory_mib > 0; })) return;
    kill_over_memory(ranks_);
  }

  core::FileDescriptor socket_;
  SpawnerOptions options_;
  std::filesystem::path groups_;
  std::uint64_t groups_made_ = 0;
  std::vector<std::filesystem::path> left_groups_;  // of ranks that have ended
  core::SpawnRequest request_;                      // the next rank's; most of it is every rank's
  core::FileDescriptor child_signal_;
  std::vector<pollfd> polled_;
  std::string unsent_;
  std::map<AttemptKey, core::FileDescriptor> listeners_;
  std::list<Rank> ranks_;
  LogKeeper keeper_;
  std::map<LogKeeper::Number, Starting> starting_;
  std::map<LogKeeper::Number, Ended> ended_;
  core::MonotonicTime memory_check_{};
  core::MonotonicTime kernel_kills_until_{};
  std::uint64_t kernel_kills_ = 0;
  bool children_ended_ = false;
};

}  // namespace

int serve_ranks(int socket, core::FileDescriptor log_keeper, const SpawnerOptions& options,
                const std::filesystem::path& groups) {
  SpawnerProcess process(socket, std::move(log_keeper), options, groups);
  try {
    process.serve();
  } catch (const std::exception&) {
    process.end();
    return 1;
  }
  return 0;
}

}  // namespace resolute::orchestrator
