#include "orchestrator/run/run_loop.h"

#include <poll.h>

#include <algorithm>
#include <array>

namespace resolute::orchestrator {

StopSignals::StopSignals() : CaughtSignals({SIGUSR1, SIGTERM, SIGINT}) {
  ::sigaction(SIGHUP, nullptr, &hangup_before_);
  if (hangup_before_.sa_handler != SIG_IGN) ::signal(SIGHUP, [](int) { ::raise(SIGTERM); });
}

StopSignals::~StopSignals() { ::sigaction(SIGHUP, &hangup_before_, nullptr); }

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

}  // namespace resolute::orchestrator
