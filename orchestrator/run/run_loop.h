#pragma once
//! \file
//! The common part of the loops of coordinator and agents: waiting without spinning, signals.

#include <chrono>

#include "core/clock.h"
#include "core/process/signals.h"

namespace resolute::orchestrator {

//! Sleeps that grow with the time since anything happened: short ones keep the dispatch fast, long ones (5 ms) keep an
//! idle process below 1 % of a core.
class IdleWait {
 public:
  explicit IdleWait(const core::Clock& clock) : clock_(clock), active_(clock.now()) {}
  //! Call when something was done.
  void active() { active_ = clock_.now(); }
  //! Waits until one of the descriptors (-1: none) is readable, a signal comes, or the time is over.
  void wait(int descriptor, int other = -1);
  //! The same with a given limit, where nothing but the descriptors can bring news.
  static void wait(int descriptor, int other, std::chrono::nanoseconds limit);
  //! How long to sleep after `idle` without news; pure.
  static std::chrono::nanoseconds pause_after(std::chrono::nanoseconds idle);

 private:
  const core::Clock& clock_;
  core::MonotonicTime active_;
};

//! SIGUSR1, SIGTERM and SIGINT, which end a run in order. SIGHUP of a terminal that goes away is one more SIGTERM,
//! unless it was ignored before (nohup).
class StopSignals : public core::CaughtSignals {
 public:
  StopSignals();
  ~StopSignals();
  //! One has come since the last take().
  bool any() const { return count(SIGUSR1) + count(SIGTERM) + count(SIGINT) > 0; }

 private:
  struct sigaction hangup_before_ {};
};

}  // namespace resolute::orchestrator
