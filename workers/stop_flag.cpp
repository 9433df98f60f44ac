#include "workers/stop_flag.h"

#include <atomic>
#include <csignal>

namespace resolute::workers {
namespace {

std::atomic<bool> requested{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may touch nothing else");

void on_signal(int) { requested.store(true); }

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

bool stop_requested() { return requested.load(); }

void set_stop_requested(bool value) { requested.store(value); }

}  // namespace resolute::workers
