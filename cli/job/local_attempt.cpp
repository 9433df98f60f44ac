#include "cli/job/local_attempt.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string_view>

#include "core/clock.h"
#include "core/files/file_system.h"
#include "core/files/json.h"
#include "core/process/secret.h"
#include "core/progress.h"
#include "orchestrator/agent/spawner.h"
#include "orchestrator/decisions/failure.h"
#include "orchestrator/journal/epoch.h"
#include "orchestrator/launch/launch.h"
#include "orchestrator/run/run_loop.h"
#include "orchestrator/store/live.h"

namespace resolute::cli {

using experiments::JobId;
using experiments::StoreLayout;
using orchestrator::Cause;

namespace {

constexpr int kInterrupted = 75;
constexpr auto kFarewell = std::chrono::seconds(3);
constexpr auto kLookEvery = std::chrono::milliseconds(100);
// timeout and some shells send one SIGINT to the process and to its group. Nobody presses a key twice in that time.
constexpr auto kSamePress = std::chrono::milliseconds(300);
constexpr auto kLongestStop = std::chrono::hours(24);         // the most that a spawner waits
constexpr std::string_view kLastWords = "resolute-worker: ";  // open what a worker says at its end

struct Rank {
  std::array<GrowingFile, 2> logs;
  std::string last_words = {};
  bool started = false;
  bool ended = false;
};

class Attempt {
 public:
  Attempt(const LocalAttempt& request, orchestrator::StopSignals& signals)
      : request_(request),
        signals_(signals),
        key_{request.job.id.hex, request.attempt},
        spawner_(orchestrator::Spawner::start(options())) {
    if (request_.job.slots > 1)
      spawner_.command(orchestrator::Prepare{key_, false});
    else
      launch(nullptr);
  }

  AttemptEnd run(const std::function<bool()>& enough) {
    auto looked = now();
    while (ranks_.empty() || std::ranges::any_of(ranks_, [](const Rank& rank) { return !rank.ended; })) {
      pollfd reports{spawner_.descriptor(), POLLIN, 0};
      ::poll(&reports, 1, static_cast<int>(kLookEvery.count()));  // a signal ends it
      for (const orchestrator::Message& report : spawner_.reports()) hear(report);
      if (now() - looked >= kLookEvery) {
        looked = now();
        show_logs(false);
        if (!told_ && enough && enough()) tell_to_stop();
      }
      for (const int signal : signals_.take()) note(signal);
      if (end_.stopped) tell_to_stop();
      if (hastened_ || (deadline_ && now() > *deadline_)) kill_all();
    }
    if (line_) line_->clear();
    for (const Rank& rank : ranks_)
      if (&rank != culprit_ && !rank.last_words.empty() && end_.code != kInterrupted)
        std::cerr << fmt::format("process rank {}: {}\n", &rank - ranks_.data(), rank.last_words) << std::flush;
    return end_;
  }

 private:
  static core::MonotonicTime now() { return core::monotonic_clock().now(); }
  static orchestrator::SpawnerOptions options() {
    orchestrator::SpawnerOptions options;
    options.log_check = kLookEvery;
    options.shares_gpus = true;
    return options;
  }

  // \param rendezvous nullptr for one rank
  void launch(const orchestrator::Rendezvous* rendezvous) {
    orchestrator::WorkerCommands commands;
    commands.worker = {request_.worker.string()};
    commands.command = request_.command;
    orchestrator::Launch launch{key_, {}, rendezvous != nullptr ? core::random_token(32) : ""};
    for (int rank = 0; rank < request_.job.slots; ++rank) {
      auto command =
          orchestrator::rank_command(request_.store, request_.job, {request_.attempt}, rank, rendezvous, commands);
      command.arguments.insert(command.arguments.end(), request_.options.begin(), request_.options.end());
      ranks_.push_back({{GrowingFile(command.out), GrowingFile(command.err)}});
      launch.ranks.push_back(std::move(command));
    }
    spawner_.command(launch);
  }

  void hear(const orchestrator::Message& report) {
    if (const auto* prepared = std::get_if<orchestrator::Prepared>(&report)) {
      if (prepared->port == 0)
        throw core::RuntimeError(core::ErrorKind::kTransient, "the process ranks have no place to meet",
                                 prepared->problem);
      const orchestrator::Rendezvous rendezvous{prepared->address, prepared->port};
      launch(&rendezvous);
    } else if (const auto* started = std::get_if<orchestrator::RankStarted>(&report)) {
      ranks_.at(static_cast<std::size_t>(started->process_rank)).started = true;
    } else if (const auto* progress = std::get_if<orchestrator::ProgressLine>(&report)) {
      draw(progress->line);
    } else if (const auto* ended = std::get_if<orchestrator::RankEnded>(&report)) {
      judge(*ended);
    } else if (const auto* leave = std::get_if<orchestrator::Leave>(&report)) {
      throw core::RuntimeError(core::ErrorKind::kTransient, leave->why);
    }
  }

  // Which rank's last words count is known once all have ended: they are held back until then.
  void show_logs(bool to_the_end) {
    for (Rank& rank : ranks_)
      for (GrowingFile& log : rank.logs) {
        std::istringstream lines(log.new_lines(to_the_end && rank.ended));
        for (std::string line; std::getline(lines, line);) {
          if (line.starts_with(kLastWords)) {
            rank.last_words = line.substr(kLastWords.size());
            continue;
          }
          if (line_) line_->clear();
          std::cerr << line + "\n" << std::flush;
        }
      }
  }

  // One progress line of the worker. The first says where it goes on from.
  void draw(const std::string& text) {
    orchestrator::LiveAttempt live;
    orchestrator::read_progress_line(text, live);
    if (live.step < 0) return show_scores(text);
    const auto step = static_cast<std::uint64_t>(live.step);
    if (!line_)
      line_.emplace(request_.title, static_cast<std::uint64_t>(std::max<std::int64_t>(live.steps, 0)),
                    core::monotonic_clock(), step);
    std::string rate = live.images_per_second >= 0 ? fmt::format("{:.0f} images/s", live.images_per_second) : "";
    if (live.gpu) rate += fmt::format("{}GPU {}", rate.empty() ? "" : ", ", orchestrator::gpu_text(*live.gpu));
    line_->update(step, rate);
  }

  // A result of an evaluation during the training is a line that stays.
  void show_scores(const std::string& text) {
    const auto line = core::Json::parse(text, nullptr, false);
    if (!line.is_object() || !line.contains("evaluation")) return;
    const auto number = [&scores = line["evaluation"]](const char* name) {
      return scores.is_object() && scores.contains(name) && scores[name].is_number() ? scores[name].get<double>() : 0.0;
    };
    if (line_) line_->clear();
    std::cerr << fmt::format("step {:.0f}: mAP {:.1f} %, rank-1 {:.1f} %\n", number("step"), 100 * number("mAP"),
                             100 * number("rank1"))
              << std::flush;
  }

  // Why a rank left; nothing where it is done, or has not failed by itself.
  std::optional<Cause> cause_of(const orchestrator::RankEnded& ended) const {
    if (ended.signal == 0 && ended.code == 0) return std::nullopt;
    // By this launcher: after a second ctrl-C nothing has failed, after a failure it is not this rank's fault.
    if (ended.signal == SIGKILL && killed_) return hastened_ ? std::optional(Cause::kInterrupted) : std::nullopt;
    // Before the worker knows of signals there is nothing to save: told to stop, it has stopped.
    if (ended.signal == SIGTERM && told_) return Cause::kInterrupted;
    return orchestrator::classify(
        {{}, ended.key.attempt, ended.process_rank, ended.code, ended.signal, ended.evidence, ended.out_of_memory});
  }

  void judge(const orchestrator::RankEnded& ended) {
    Rank& rank = ranks_.at(static_cast<std::size_t>(ended.process_rank));
    rank.ended = true;
    show_logs(true);
    // A store that fails takes no logs.
    if (rank.last_words.empty() && ended.evidence.starts_with(kLastWords))
      rank.last_words = ended.evidence.substr(kLastWords.size());
    const auto cause = cause_of(ended);
    // Ranks that are told to stop end together by themselves; after a failure the others wait for whoever is gone.
    if ((ended.signal != 0 || (cause && cause != Cause::kInterrupted)) && !deadline_) deadline_ = now() + kFarewell;
    if (!cause || orchestrator::weight_of(*cause) <= weight_) return;
    weight_ = orchestrator::weight_of(*cause);
    culprit_ = &rank;
    end_.code = cause == Cause::kInterrupted ? kInterrupted : cause == Cause::kConfiguration ? 2 : 1;
    const std::string who = request_.job.slots > 1 ? fmt::format("process rank {}: ", ended.process_rank) : "";
    if (cause == Cause::kInterrupted)
      end_.message = rank.last_words;
    else if (!rank.last_words.empty() && ended.signal == 0)
      end_.message = who + rank.last_words;
    else if (!rank.started || ended.out_of_memory)
      end_.message = who + ended.evidence;
    else
      end_.message = fmt::format(
          "process rank {} of the job ended with {}; look at what it logged", ended.process_rank,
          core::describe(ended.signal != 0 ? core::ExitStatus(core::Killed{ended.signal}) : core::Exited{ended.code}));
  }

  // A second SIGINT kills.
  void note(int signal) {
    end_.stopped = true;
    if (signal != SIGINT) return;
    if (!interrupted_) interrupted_ = now();
    hastened_ = hastened_ || now() - *interrupted_ > kSamePress;
  }

  // Ranks end by themselves then, also after a long step.
  void tell_to_stop() {
    if (told_ || ranks_.empty()) return;  // or once they are launched
    spawner_.command(orchestrator::Kill{key_, std::chrono::milliseconds(kLongestStop).count()});
    told_ = true;
  }

  void kill_all() {
    if (killed_ || ranks_.empty()) return;
    spawner_.command(orchestrator::Kill{key_, 0});
    killed_ = true;
  }

  const LocalAttempt& request_;
  orchestrator::StopSignals& signals_;
  const orchestrator::AttemptKey key_;
  std::vector<Rank> ranks_;
  std::optional<core::Progress> line_;
  bool told_ = false;
  bool killed_ = false;
  bool hastened_ = false;  // by the user, who wants it killed
  std::optional<core::MonotonicTime> interrupted_;
  std::optional<core::MonotonicTime> deadline_;  // the others' after a rank has failed
  int weight_ = -1;                              // of the culprit's end
  const Rank* culprit_ = nullptr;
  AttemptEnd end_;
  orchestrator::Spawner spawner_;  // its end is that of every rank
};

std::optional<orchestrator::StopSignals>& caught_signals() {
  static std::optional<orchestrator::StopSignals> signals;
  return signals;
}

}  // namespace

std::string GrowingFile::new_lines(bool to_the_end) {
  std::ifstream file(path_, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(read_));
  std::string text((std::istreambuf_iterator<char>(file)), {});
  if (!to_the_end) text.resize(text.rfind('\n') + 1);  // 0 where no line has ended yet
  read_ += text.size();
  return text;
}

void require_ranks(int ranks, int lanes, const std::string& why) {
  if (ranks >= 1 && lanes % ranks == 0) return;
  throw core::input_error(fmt::format("--ranks {} does not divide {} lane{}", ranks, lanes, lanes == 1 ? "" : "s"), why,
                          lanes == 1 ? "leave --ranks out" : fmt::format("give a divisor of {}", lanes));
}

int next_attempt(const StoreLayout& store, const JobId& job) {
  return orchestrator::attempts_in_store(core::real_file_system(), store, job) + 1;
}

AttemptEnd follow_attempt(const LocalAttempt& attempt, const std::function<bool()>& enough) {
  // Until this process ends: whoever called has still to clean up.
  if (!caught_signals()) caught_signals().emplace();
  return Attempt(attempt, *caught_signals()).run(enough);
}

bool release_stop_signals() {
  sigset_t all, before;
  ::sigfillset(&all);
  ::sigprocmask(SIG_BLOCK, &all, &before);
  const bool came = caught_signals() && !caught_signals()->take().empty();
  caught_signals().reset();
  ::sigprocmask(SIG_SETMASK, &before, nullptr);  // one that comes in between ends this process
  return came;
}

core::ErrorKind kind_of(const AttemptEnd& end) {
  if (end.code == kInterrupted) return core::ErrorKind::kInterrupted;
  return end.code == 2 ? core::ErrorKind::kInput : core::ErrorKind::kTransient;
}

}  // namespace resolute::cli
