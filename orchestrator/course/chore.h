#pragma once
//! \file
//! Work that is due once an interval. Pure: time is passed in.

#include <array>
#include <chrono>
#include <cstddef>

#include "core/clock.h"

namespace resolute::orchestrator {

class Chore {
 public:
  bool due(core::MonotonicTime now, std::chrono::milliseconds interval) {
    if (now < next_) return false;
    next_ = now + interval;
    return true;
  }
  //! It is due at once.
  void hasten() { next_ = {}; }

 private:
  core::MonotonicTime next_{};
};

//! The coordinator's work now and then.
enum class Duty { kNoticeSilence, kRenewOwner, kTakeRequests, kTellLookers, kLookAtClaims, kAskWhatIsSpent };

class Duties {
 public:
  Chore& operator[](Duty duty) { return chores_.at(static_cast<std::size_t>(duty)); }

 private:
  std::array<Chore, static_cast<std::size_t>(Duty::kAskWhatIsSpent) + 1> chores_;
};

}  // namespace resolute::orchestrator
