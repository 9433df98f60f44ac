#pragma once
//! \file
//! A run's time. Steps of the wall clock do not reach a run: it counts on from its begin by the monotonic clock.

#include <chrono>

#include "core/clock.h"
#include "orchestrator/messages/event.h"

namespace resolute::orchestrator {

class RunClock {
 public:
  //! \param clock must outlive this \param begin by the wall clock
  RunClock(const core::Clock& clock, Instant begin) : clock_(clock), begin_(begin), start_(clock.now()) {}
  core::MonotonicTime now() const { return clock_.now(); }
  core::MonotonicTime::duration since_begin() const { return now() - start_; }
  //! The moment as events and deadlines have it.
  Instant instant() const { return begin_ + std::chrono::duration_cast<Milliseconds>(since_begin()); }

 private:
  const core::Clock& clock_;
  Instant begin_;
  core::MonotonicTime start_;
};

}  // namespace resolute::orchestrator
