#pragma once
//! \file
//! Work that is due once an interval. Pure: time is passed in.

#include <chrono>
#include <map>

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
using Duties = std::map<Duty, Chore>;

}  // namespace resolute::orchestrator
