#include "orchestrator/run/run_loop.h"

#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <atomic>

namespace resolute::orchestrator {
namespace {

constexpr std::array<int, 3> kStopSignals{SIGUSR1, SIGTERM, SIGINT};

// Lock-free atomics are what a handler may touch, and their exchange loses no signal that comes while it is taken.
std::array<std::atomic<int>, kStopSignals.size()> signals_seen{};
static_assert(std::atomic<int>::is_always_lock_free);

void on_signal(int number) {
  for (std::size_t i = 0; i < kStopSignals.size(); ++i)
    if (kStopSignals[i] == number) signals_seen[i].fetch_add(1);
}

}  // namespace

std::chrono::nanoseconds IdleWait::pause_after(std::chrono::nanoseconds idle) {
  using std::chrono::microseconds;
  using std::chrono::milliseconds;
  if (idle > std::chrono::seconds(2)) return milliseconds(5);
  return std::clamp<std::chrono::nanoseconds>(idle / 8, microseconds(50), milliseconds(2));
}

void IdleWait::wait(int descriptor, int other) { wait(descriptor, other, pause_after(clock_.now() - active_)); }

void IdleWait::wait(int descriptor, int other, std::chrono::nanoseconds limit) {
  std::array<pollfd, 2> polled{pollfd{descriptor, POLLIN, 0}, pollfd{other, POLLIN, 0}};
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(limit);
  timespec time{seconds.count(), (limit - seconds).count()};
  ::ppoll(polled.data(), polled.size(), &time, nullptr);  // which leaves out a descriptor below 0
}

struct StopSignals::Saved {
  std::array<struct sigaction, kStopSignals.size()> actions;
};

StopSignals::StopSignals() : saved_(std::make_unique<Saved>()) {
  for (auto& seen : signals_seen) seen.store(0);
  struct sigaction action {};
  action.sa_handler = on_signal;
  for (std::size_t i = 0; i < kStopSignals.size(); ++i) ::sigaction(kStopSignals[i], &action, &saved_->actions[i]);
}

StopSignals::~StopSignals() {
  for (std::size_t i = 0; i < kStopSignals.size(); ++i) ::sigaction(kStopSignals[i], &saved_->actions[i], nullptr);
}

std::vector<int> StopSignals::take() {
  std::vector<int> taken;
  for (std::size_t i = 0; i < kStopSignals.size(); ++i)
    taken.insert(taken.end(), static_cast<std::size_t>(signals_seen[i].exchange(0)), kStopSignals[i]);
  return taken;
}

}  // namespace resolute::orchestrator
