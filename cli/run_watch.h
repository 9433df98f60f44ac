#pragma once
//! \file
//! Looks from outside at the runs of a suite, by the files that they leave in the store: whether the one that a
//! launcher was to start has begun, and is over; whether that of an earlier start is still at work, on nodes that SLURM
//! has given up.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "core/clock.h"
#include "core/files/file_system.h"

namespace resolute::cli {

//! Of the run that was to begin.
class RunWatch {
 public:
  //! \param begin_limit after which a run that has not begun will not: one of its processes has died on the way to the
  //! others, who wait for it
  RunWatch(core::FileSystem& files, std::filesystem::path run_folder, const core::Clock& clock,
           std::chrono::milliseconds begin_limit);
  //! A run has taken the suite since this was made; a journal more of the run that had it is none. Never throws.
  bool began() const;
  //! It has ended, its process is gone, it has given no sign of life for minutes in which the store did not fail, or
  //! not begun in time. Never throws.
  bool over();

 private:
  core::FileSystem& files_;
  std::filesystem::path folder_;
  const core::Clock& clock_;
  std::int64_t run_before_;
  core::MonotonicTime begins_by_;
  std::optional<std::int64_t> counter_;
  core::MonotonicTime moved_{};
};

//! Of the run that had the suite when this was made. It keeps every other from it while its owner file moves
//! (orchestrator/journal/owner.h).
class OtherRun {
 public:
  OtherRun(core::FileSystem& files, std::filesystem::path run_folder, const core::Clock& clock);
  //! It has given a sign of life since this was made, be it that of its end. Never throws.
  bool moved();
  //! It has ended, or has stood still for so long that another run may take the suite. Never throws.
  bool over();
  //! "process 17 on 'n1'"
  std::string who() const;

 private:
  struct Seen {
    std::int64_t counter = -1;  //!< -1: no owner file
    bool ended = true;
    std::string who;
  };
  void look();

  core::FileSystem& files_;
  std::filesystem::path folder_;
  const core::Clock& clock_;
  Seen first_, last_;
  core::MonotonicTime moved_{};
};

//! Looks every few seconds until the other run is over. \param stop asked more often \return whether it is over; false:
//! `stop` came first
bool wait_for_end(OtherRun& other, const std::function<bool()>& stop,
                  const std::function<void(std::chrono::milliseconds)>& sleep);

}  // namespace resolute::cli
