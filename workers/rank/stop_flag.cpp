#include "workers/rank/stop_flag.h"

#include <fmt/format.h>
#include <time.h>

#include <atomic>
#include <csignal>
#include <cstdint>

namespace resolute::workers {
namespace {

constexpr std::int64_t kNever = 0;
std::atomic<std::int64_t> requested_at{kNever};  // nanoseconds of the monotonic clock
static_assert(std::atomic<std::int64_t>::is_always_lock_free, "a signal handler may touch nothing else");

// Safe in a signal handler, as std::chrono is not said to be.
std::int64_t monotonic_nanoseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

void request() {
  std::int64_t never = kNever;
  requested_at.compare_exchange_strong(never, monotonic_nanoseconds());
}

void on_signal(int) { request(); }

}  // namespace

void install_stop_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  // System calls under way go on by themselves: no caller has to know about signals.
  action.sa_flags = SA_RESTART;
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGUSR1, &action, nullptr);
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, nullptr);
}

bool stop_requested() { return requested_at.load() != kNever; }

std::string why_stopped() {
  const std::int64_t at = requested_at.load();
  if (at == kNever) return "another process rank was asked to stop";
  return fmt::format("{:.2f} s after the signal", static_cast<double>(monotonic_nanoseconds() - at) * 1e-9);
}

void set_stop_requested(bool value) {
  if (value)
    request();
  else
    requested_at.store(kNever);
}

}  // namespace resolute::workers
