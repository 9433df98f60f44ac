#include "orchestrator/run_loop.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <thread>

namespace resolute::orchestrator {
namespace {

volatile sig_atomic_t signals_seen = 0;
volatile sig_atomic_t last_signal = 0;

void on_signal(int number) {
  signals_seen = signals_seen + 1;
  last_signal = number;
}

constexpr std::array<int, 2> kStopSignals{SIGINT, SIGTERM};

}  // namespace

std::chrono::nanoseconds IdleWait::pause_after(std::chrono::nanoseconds idle) {
  using std::chrono::microseconds;
  using std::chrono::milliseconds;
  if (idle > std::chrono::seconds(2)) return milliseconds(5);
  return std::clamp<std::chrono::nanoseconds>(idle / 8, microseconds(50), milliseconds(2));
}

void IdleWait::wait(int descriptor) { wait(descriptor, pause_after(clock_.now() - active_)); }

void IdleWait::wait(int descriptor, std::chrono::nanoseconds limit) {
  pollfd polled{descriptor, POLLIN, 0};
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(limit);
  timespec time{seconds.count(), (limit - seconds).count()};
  ::ppoll(&polled, descriptor >= 0 ? 1 : 0, &time, nullptr);
}

struct StopSignals::Saved {
  std::array<struct sigaction, kStopSignals.size()> actions;
};

StopSignals::StopSignals() : saved_(std::make_unique<Saved>()) {
  signals_seen = 0;
  struct sigaction action {};
  action.sa_handler = on_signal;
  for (std::size_t i = 0; i < kStopSignals.size(); ++i) ::sigaction(kStopSignals[i], &action, &saved_->actions[i]);
}

StopSignals::~StopSignals() {
  for (std::size_t i = 0; i < kStopSignals.size(); ++i) ::sigaction(kStopSignals[i], &saved_->actions[i], nullptr);
}

int StopSignals::take(int& signal) {
  int seen = signals_seen;
  signals_seen = 0;
  signal = last_signal;
  return seen;
}

int usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

}  // namespace resolute::orchestrator
