#include "cli/local_attempt.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <optional>
#include <string_view>

#include "core/clock.h"
#include "core/error.h"
#include "core/file_system.h"
#include "core/json.h"
#include "core/listener.h"
#include "core/log.h"
#include "core/process.h"
#include "core/progress.h"
#include "core/secret.h"
#include "experiments/attempt_files.h"

namespace resolute::cli {

using experiments::JobId;
using experiments::StoreLayout;

namespace {

constexpr int kInterrupted = 75;
constexpr auto kFarewell = std::chrono::seconds(3);
constexpr auto kAskEvery = std::chrono::milliseconds(100);

volatile sig_atomic_t stops = 0;
volatile sig_atomic_t kills = 0;
std::int64_t interrupted_at = 0;  // of the handler alone

// A second SIGINT kills, unless it is the same one again: timeout and some shells send it to the process and to its
// group. Nobody presses a key twice in that time.
void on_signal(int number) {
  constexpr std::int64_t kSamePress = 300'000'000;
  stops = 1;
  if (number != SIGINT) return;
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  const std::int64_t now = static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
  if (interrupted_at == 0) interrupted_at = now;
  if (now - interrupted_at > kSamePress) kills = 1;
}

// Takes what a pipe holds and hands over whole lines.
class LineReader {
 public:
  explicit LineReader(core::FileDescriptor pipe) : pipe_(std::move(pipe)) { ::fcntl(pipe_.get(), F_SETFL, O_NONBLOCK); }
  int descriptor() const { return pipe_.get(); }
  template <class Use>
  void read(Use use) {
    std::array<char, 4096> buffer;
    while (pipe_.valid()) {
      const ssize_t count = ::read(pipe_.get(), buffer.data(), buffer.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return;
      if (count == 0) pipe_.reset();
      pending_.append(buffer.data(), static_cast<std::size_t>(count));
      if (count == 0 && !pending_.empty()) pending_ += '\n';
      for (auto end = pending_.find('\n'); end != std::string::npos; end = pending_.find('\n')) {
        use(pending_.substr(0, end));
        pending_.erase(0, end + 1);
      }
    }
  }

 private:
  core::FileDescriptor pipe_;
  std::string pending_;
};

struct Rank {
  pid_t process = -1;
  LineReader log;
  std::string last_line = {};
  bool ended = false;
};

// How a rank left, as far as it matters for whose fault the end is; later ones weigh more.
enum class Weight { kDone, kInterrupted, kFailed, kKilled, kRefused };

class Attempt {
 public:
  explicit Attempt(const LocalAttempt& request) : request_(request), progress_(start()) {}
  // No process stays, however this is left: a rank that is stopped ends by SIGKILL too.
  ~Attempt() {
    kill_all();
    for (Rank& rank : ranks_)
      if (!rank.ended) ::waitpid(rank.process, nullptr, 0);
  }
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;

  AttemptEnd run(const std::function<bool()>& enough) {
    core::MonotonicTime asked = now();
    while (std::any_of(ranks_.begin(), ranks_.end(), [](const Rank& rank) { return !rank.ended; })) {
      wait();
      if (!told_ && enough && now() - asked >= kAskEvery) {
        asked = now();
        if (enough()) tell_to_stop();
      }
      if (stops != 0) tell_to_stop();
      if (kills != 0 || (deadline_ && now() > *deadline_)) kill_all();
      read();
      reap();
    }
    if (line_) line_->clear();
    for (const Rank& rank : ranks_)
      if (&rank != culprit_ && !rank.last_line.empty() && weight_ != Weight::kInterrupted)
        std::cerr << fmt::format("process rank {}: {}\n", &rank - ranks_.data(), rank.last_line) << std::flush;
    return end_;
  }

 private:
  static core::MonotonicTime now() { return core::monotonic_clock().now(); }

  // Starts all ranks. \return the progress lines of process rank 0
  LineReader start() {
    core::Listener listener;
    if (request_.ranks > 1) listener = core::listen_on_free_port(core::Reach::kLoopback);
    const std::string secret = core::random_token(32);  // known to the ranks of this attempt only
    core::Pipe progress = core::make_pipe();
    ranks_.reserve(static_cast<std::size_t>(request_.ranks));
    for (int process_rank = 0; process_rank < request_.ranks; ++process_rank) {
      core::SpawnRequest request;
      request.arguments = arguments(process_rank, listener.port);
      request.environment = core::current_environment();
      request.environment["OMP_NUM_THREADS"] = "1";
      request.environment["MKL_NUM_THREADS"] = "1";
      if (process_rank == 0) request.descriptors[3] = progress.write_end.get();
      if (process_rank == 0 && request_.ranks > 1) request.descriptors[4] = listener.socket.get();
      core::FileDescriptor own_secret;
      if (request_.ranks > 1) {
        own_secret = core::secret_pipe(secret);
        request.descriptors[5] = own_secret.get();
      }
      core::Pipe log = core::make_pipe();
      request.descriptors[1] = request.descriptors[2] = log.write_end.get();
      try {
        ranks_.push_back({core::spawn_process(request), LineReader(std::move(log.read_end))});
      } catch (...) {
        for (const Rank& rank : ranks_) {
          ::kill(-rank.process, SIGKILL);
          ::waitpid(rank.process, nullptr, 0);
        }
        throw;
      }
    }
    return LineReader(std::move(progress.read_end));
  }

  std::vector<std::string> arguments(int process_rank, int port) const {
    std::vector<std::string> all{request_.worker.string(), "run"};
    const auto add = [&](const std::string& option, std::string value) {
      all.push_back(option);
      all.push_back(std::move(value));
    };
    add("--store", request_.store.string());
    add("--job", request_.job.hex);
    add("--attempt", std::to_string(request_.attempt));
    add("--process-rank", std::to_string(process_rank));
    add("--process-ranks", std::to_string(request_.ranks));
    if (request_.ranks > 1) {
      add("--rendezvous", fmt::format("127.0.0.1:{}", port));
      add("--secret-fd", "5");
      if (process_rank == 0) add("--rendezvous-fd", "4");
    }
    if (process_rank == 0) add("--progress-fd", "3");
    all.insert(all.end(), request_.options.begin(), request_.options.end());
    return all;
  }

  void wait() {
    std::vector<pollfd> polled;
    if (progress_.descriptor() >= 0) polled.push_back({progress_.descriptor(), POLLIN, 0});
    for (const Rank& rank : ranks_)
      if (rank.log.descriptor() >= 0) polled.push_back({rank.log.descriptor(), POLLIN, 0});
    ::poll(polled.data(), polled.size(), 20);
  }

  void read() {
    progress_.read([this](const std::string& line) { draw(line); });
    for (Rank& rank : ranks_)
      rank.log.read([&](const std::string& line) {
        // Which rank's last words count is known once all have ended: they are held back until then.
        constexpr std::string_view kLast = "resolute-worker: ";
        if (line.starts_with(kLast)) {
          rank.last_line = line.substr(kLast.size());
          return;
        }
        if (line_) line_->clear();
        std::cerr << line + "\n" << std::flush;
      });
  }

  // One progress line of the worker. The first says where it goes on from.
  void draw(const std::string& text) {
    const auto line = core::Json::parse(text, nullptr, false);
    if (line.is_object() && line.contains("evaluation")) show_scores(line["evaluation"]);
    if (!line.is_object() || !line.contains("step") || !line["step"].is_number_unsigned()) return;
    const auto step = line["step"].get<std::uint64_t>();
    const auto steps = line.find("steps");
    if (!line_)
      line_.emplace(request_.title,
                    steps != line.end() && steps->is_number_unsigned() ? steps->get<std::uint64_t>() : 0,
                    core::monotonic_clock(), step);
    const auto speed = line.find("images_per_second");
    line_->update(step, speed != line.end() && speed->is_number() ? fmt::format("{:.0f} images/s", speed->get<double>())
                                                                  : std::string());
  }

  // What an evaluation during the training found: a line that stays.
  void show_scores(const core::Json& scores) {
    const auto number = [&](const char* name) {
      const auto found = scores.is_object() ? scores.find(name) : scores.end();
      return found != scores.end() && found->is_number() ? found->get<double>() : 0.0;
    };
    if (line_) line_->clear();
    std::cerr << fmt::format("step {:.0f}: mAP {:.1f} %, rank-1 {:.1f} %\n", number("step"), 100 * number("mAP"),
                             100 * number("rank1"))
              << std::flush;
  }

  void reap() {
    for (Rank& rank : ranks_) {
      int word = 0;
      if (rank.ended || ::waitpid(rank.process, &word, WNOHANG) != rank.process) continue;
      rank.ended = true;
      ::kill(-rank.process, SIGKILL);  // what it left in its group goes with it
      read();
      judge(rank, core::to_exit_status(word));
    }
  }

  void judge(const Rank& rank, const core::ExitStatus& status) {
    const auto number = &rank - ranks_.data();
    Weight weight = Weight::kDone;
    if (const auto* exited = std::get_if<core::Exited>(&status)) {
      if (exited->code == 2)
        weight = Weight::kRefused;
      else if (exited->code == kInterrupted)
        weight = Weight::kInterrupted;
      else if (exited->code != 0)
        weight = Weight::kFailed;
    } else if (const int signal = std::get<core::Killed>(status).signal; signal == SIGKILL && killed_) {
      // By this launcher: after a second ctrl-C nothing has failed, after a failure it is not this rank's fault.
      weight = kills != 0 ? Weight::kInterrupted : Weight::kDone;
    } else {
      // Before the worker knows of signals there is nothing to save: told to stop, it has stopped.
      weight = told_ && signal == SIGTERM ? Weight::kInterrupted : Weight::kKilled;
    }
    // Ranks that are told to stop end together by themselves; after a failure the others wait for whoever is gone.
    const bool lost = weight > Weight::kInterrupted || std::holds_alternative<core::Killed>(status);
    if (lost && !deadline_) deadline_ = now() + kFarewell;
    if (weight <= weight_) return;
    weight_ = weight;
    culprit_ = &rank;
    static constexpr std::array kCodes{0, kInterrupted, 1, 1, 2};
    end_.code = kCodes[static_cast<std::size_t>(weight)];
    const std::string who = request_.ranks > 1 ? fmt::format("process rank {}: ", number) : "";
    if (weight == Weight::kInterrupted)
      end_.message = rank.last_line;
    else if (!rank.last_line.empty() && weight != Weight::kKilled)
      end_.message = who + rank.last_line;
    else
      end_.message = fmt::format("process rank {} of the job ended with {}; look at what it logged", number,
                                 core::describe(status));
  }

  void tell_to_stop() {
    if (told_) return;
    told_ = true;
    for (const Rank& rank : ranks_)
      if (!rank.ended) ::kill(rank.process, SIGTERM);
  }

  void kill_all() {
    killed_ = true;
    for (const Rank& rank : ranks_)
      if (!rank.ended) ::kill(-rank.process, SIGKILL);
  }

  const LocalAttempt& request_;
  std::vector<Rank> ranks_;
  LineReader progress_;
  std::optional<core::Progress> line_;
  bool told_ = false;
  bool killed_ = false;
  std::optional<core::MonotonicTime> deadline_;  // the others' after a rank has failed
  Weight weight_ = Weight::kDone;
  const Rank* culprit_ = nullptr;
  AttemptEnd end_;
};

}  // namespace

int next_attempt(const StoreLayout& store, const JobId& job) {
  const auto attempts = experiments::stored_attempts(core::real_file_system(), store.job_folder(job));
  return attempts.empty() ? 1 : *attempts.rbegin() + 1;
}

AttemptEnd follow_attempt(const LocalAttempt& attempt, const std::function<bool()>& enough) {
  struct sigaction action {};
  action.sa_handler = on_signal;
  for (int number : {SIGINT, SIGTERM, SIGUSR1}) ::sigaction(number, &action, nullptr);
  struct sigaction hangup {};
  ::sigaction(SIGHUP, nullptr, &hangup);
  if (hangup.sa_handler != SIG_IGN) ::sigaction(SIGHUP, &action, nullptr);  // nohup asks for it to be ignored
  return Attempt(attempt).run(enough);
}

core::ErrorKind kind_of(const AttemptEnd& end) {
  if (end.code == kInterrupted) return core::ErrorKind::kInterrupted;
  return end.code == 2 ? core::ErrorKind::kInput : core::ErrorKind::kTransient;
}

bool stop_was_asked() { return stops != 0; }

}  // namespace resolute::cli
