#pragma once
//! \file
//! One line of progress with an estimate on standard error: silent unless that is a terminal that can clear a line, and
//! the work has lasted two seconds. Log lines (core/log.h) push it down.
//!
//! A program that starts this one and draws by itself puts the number of a socket into RESOLUTE_PROGRESS_FD. It gets a
//! line `DONE TOTAL NAME` for a state, at most ten a second and one for the last unit. A reader that is slow or gone
//! misses lines, and slows nothing down.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

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
  //! The same with words of one's own behind "NAME DONE/TOTAL".
  void show(std::uint64_t done, const std::string& words);
  //! Makes room for another line on the terminal; the next update draws again.
  void clear();
  //! The line for `done` units, `before` of which were there at the start, after `elapsed`; pure, for tests.
  static std::string line(const std::string& name, std::uint64_t done, std::uint64_t total,
                          std::chrono::nanoseconds elapsed, std::uint64_t before = 0, const std::string& speed = {});
  //! As much of a line as so many columns show, "…" behind it where it is cut; pure. \param columns 0: as many as there
  //! are letters
  static std::string fitted(std::string_view line, std::size_t columns);

 private:
  void draw(const std::string& line);
  void tell_reader(std::uint64_t done);

  std::string name_;
  std::uint64_t total_;
  const Clock& clock_;
  std::uint64_t before_;
  MonotonicTime start_;
  MonotonicTime drawn_, told_;
  bool terminal_;
  int reader_;  // RESOLUTE_PROGRESS_FD; -1: nobody reads
};

//! Writes to standard error beside a line of progress: the line goes, `write` writes whole lines, the line stands again
//! below them. Thread-safe; `write` must not call this.
void write_beside_progress(const std::function<void()>& write);

}  // namespace resolute::core
