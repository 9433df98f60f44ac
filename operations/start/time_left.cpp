#include "operations/start/time_left.h"

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "orchestrator/store/store_watch.h"

namespace resolute::operations {

namespace {

using namespace std::chrono_literals;

// The time from a launcher's start to its run's: MPI on every node, the suite, images of a synthetic data set.
constexpr auto kShortestBegin = 60s;
constexpr auto kLongestBegin = 15min;
// The controller may be away for minutes; but near the limit every second may be the last.
constexpr auto kLongestPatience = 30min;
// A run that has less time than this before its stop does not begin.
constexpr auto kShortestRun = 30s;
// The time in which a start settles what follows it.
constexpr auto kSettling = 30s;
// The longest time until a signal is heeded.
constexpr std::chrono::milliseconds kNap = 200ms;

}  // namespace

void TimeLeft::learn(std::optional<slurm::Time> end, std::chrono::seconds notice) {
  end_ = end;
  notice_ = notice;
}

bool TimeLeft::told_to_go() const { return world_.signals.noticed() || world_.signals.terminated(); }

bool TimeLeft::too_late_to_run() const {
  return told_to_go() || (end_ && *end_ - world_.now() < notice_ + kShortestRun);
}

bool TimeLeft::too_late_to_wait() const {
  if (!end_ || world_.signals.terminated()) return told_to_go();
  return *end_ - world_.now() < kSettling;
}

std::chrono::milliseconds TimeLeft::begin_limit() const {
  if (!end_) return kLongestBegin;
  return std::clamp<std::chrono::milliseconds>((*end_ - world_.now()) / 4, kShortestBegin, kLongestBegin);
}

std::chrono::milliseconds TimeLeft::patience() const {
  if (world_.signals.terminated()) return kLeastPatience;
  if (!end_) return kLongestPatience;
  return std::clamp<std::chrono::milliseconds>(*end_ - world_.now() - kSettling, kLeastPatience, kLongestPatience);
}

void TimeLeft::patiently(const std::function<void()>& work) const {
  const auto stop = [this] { return too_late_to_wait(); };
  orchestrator::while_storage_fails(work, stop, [&](std::chrono::milliseconds duration) {
    for (auto left = duration; left > 0ms && !stop(); left -= kNap) world_.slurm.sleep(std::min(left, kNap));
  });
}

slurm::Client TimeLeft::client(std::chrono::milliseconds patience) const {
  slurm::Effects effects = world_.slurm;
  effects.sleep = [this, stopped = world_.signals.terminated(),
                   sleep = effects.sleep](std::chrono::milliseconds duration) {
    for (auto left = duration; left > 0ms; left -= kNap) {
      if (!stopped && world_.signals.terminated())
        throw core::RuntimeError(core::ErrorKind::kInterrupted, "SLURM ends this job");
      sleep(std::min(left, kNap));
    }
  };
  return slurm::Client(std::move(effects),
                       {.command_limit = std::min<std::chrono::milliseconds>(patience, 30s), .patience = patience});
}

}  // namespace resolute::operations
