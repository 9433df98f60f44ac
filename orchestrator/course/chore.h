#pragma once
//! \file
//! Something that is due once an interval. Pure: time is passed in.

#include <chrono>

#include "core/clock.h"

namespace resolute::orchestrator {

class Chore {
 public:
  bool due(core::MonotonicTime now, std::chrono::milliseconds interval) {
    if (now < next_) return false;
    next_ = now + interval;
    return true;
  }

 private:
  core::MonotonicTime next_{};
};

}  // namespace resolute::orchestrator
