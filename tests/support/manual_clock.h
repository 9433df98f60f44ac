#pragma once
//! \file
//! Time that moves only when told to.

#include <chrono>

#include "core/clock.h"

namespace resolute::tests {

class ManualClock final : public core::Clock {
 public:
  core::MonotonicTime now() const override { return now_; }
  void advance(std::chrono::nanoseconds by) { now_ += by; }

 private:
  core::MonotonicTime now_{};
};

}  // namespace resolute::tests
