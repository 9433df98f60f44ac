#pragma once
//! \file
//! Tells whether the coordinator keeps up with its run. While its process was stopped (SIGSTOP, a suspended
//! allocation), it heard nobody, and others may have broken its claims. While it lags behind, ranks were told to end
//! late. Pure: time is passed in.

#include <chrono>
#include <optional>

#include "core/clock.h"
#include "orchestrator/messages/event.h"

namespace resolute::orchestrator {

class Attention {
 public:
  //! A step begins. \param limit a longer pause between two steps is an absence \param doubt for so long after an
  //! absence others may still break claims \return the absence that is over now
  std::optional<core::MonotonicTime::duration> begin_step(core::MonotonicTime now, std::chrono::milliseconds limit,
                                                          std::chrono::milliseconds doubt) {
    const auto away = now - last_step_;
    if (last_step_ == core::MonotonicTime{} || away < limit) return std::nullopt;
    claims_in_doubt_until_ = now + doubt;
    return away;
  }
  //! A step has read its messages. \param behind some are left, or decisions have waited long for the disk \param late
  //! so long may a step take
  void keep_up(core::MonotonicTime now, Instant instant, bool behind, std::chrono::milliseconds late) {
    if (behind || now - last_step_ > late) since_ = instant;
    last_step_ = now;
  }
  //! Moment::attentive_since.
  Instant since() const { return since_; }
  bool claims_in_doubt(core::MonotonicTime now) const { return now < claims_in_doubt_until_; }

 private:
  core::MonotonicTime last_step_{};
  core::MonotonicTime claims_in_doubt_until_{};
  Instant since_{};
};

}  // namespace resolute::orchestrator
