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
  //! \param name shown first, e.g. "packing"; \param total units of work, 0 if unknown
  //! \param before units that were done earlier: they say nothing of the speed
  Progress(std::string name, std::uint64_t total, const Clock& clock = monotonic_clock(), std::uint64_t before = 0);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  //! Says that `done` units are finished; redraws at most ten times per second. Not thread-safe.
  //! \param speed shown in place of units per second: "210 images/s"
  void update(std::uint64_t done, const std::string& speed = {});
  //! Makes room for another line on the terminal; the next update draws again.
  void clear();
  //! The line for `done` units, `before` of which were there at the start, after `elapsed`; pure, for tests.
  static std::string line(const std::string& name, std::uint64_t done, std::uint64_t total,
                          std::chrono::nanoseconds elapsed, std::uint64_t before = 0, const std::string& speed = {});

 private:
  std::string name_;
  std::uint64_t total_;
  const Clock& clock_;
  std::uint64_t before_;
  MonotonicTime start_;
  MonotonicTime drawn_;
  bool terminal_;
  bool shown_ = false;
};

}  // namespace resolute::core
