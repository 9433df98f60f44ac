#pragma once
//! \file
//! One line of progress with an estimate on standard error: silent unless that is a terminal and the work has lasted
//! two seconds.

#include <cstdint>
#include <string>

#include "core/clock.h"

namespace resolute::core {

class Progress {
 public:
  //! \param what shown first, e.g. "packing"; \param total units of work, 0 if unknown
  Progress(std::string what, std::uint64_t total, const Clock& clock = monotonic_clock());
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  //! Says that `done` units are finished; redraws at most ten times a second. Not thread-safe.
  void update(std::uint64_t done);
  //! The line for `done` units after `elapsed`; pure, for tests.
  static std::string line(const std::string& what, std::uint64_t done, std::uint64_t total,
                          std::chrono::nanoseconds elapsed);

 private:
  std::string what_;
  std::uint64_t total_;
  const Clock& clock_;
  MonotonicTime start_;
  MonotonicTime drawn_;
  bool terminal_;
  bool shown_ = false;
};

}  // namespace resolute::core
