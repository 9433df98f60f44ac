#pragma once
//! \file
//! Time, passed in: a test of a thirty-minute limit moves the clock and takes a microsecond.

#include <chrono>

namespace resolute::core {

//! Nanoseconds since an arbitrary start that never goes back; comparable only within one process and clock.
using MonotonicTime = std::chrono::time_point<std::chrono::steady_clock>;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual MonotonicTime now() const = 0;
};

//! The machine's monotonic clock. The reference is valid for the life of the process; any thread may use it.
const Clock& monotonic_clock();

}  // namespace resolute::core
