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
#include "orchestrator/journal/owner.h"

namespace resolute::allocations {

//! Of the two runs that matter to who starts one: the one that had the suite when this was made, and the one that is to
//! begin. Where the folder cannot be read, nothing has changed. Nothing throws.
class RunWatch {
 public:
  RunWatch(core::FileSystem& files, std::filesystem::path run_folder, const core::Clock& clock);

  //! The earlier run, which keeps every other from the suite while its owner file moves
  //! (orchestrator/journal/owner.h), has given a sign of life since this was made, be it that of its end.
  bool other_moved();
  //! It has ended, or has stood still for so long that another run may take the suite.
  bool other_over();
  //! "process 17 on 'n1'"
  std::string other() const;

  //! A launcher starts a run now. \param limit after which a run that has not begun will not: one of its processes has
  //! died on the way to the others, who wait for it
  void expect(std::chrono::milliseconds limit);
  //! A run has taken the suite since expect(); a journal more of the run that had it is none.
  bool began();
  //! It has ended, its process is gone, it has given no sign of life for minutes in which the store did not fail, or
  //! not begun in time.
  bool over();

 private:
  void look();
  void try_to_look();

  core::FileSystem& files_;
  std::filesystem::path folder_;
  const core::Clock& clock_;
  std::int64_t run_ = 0;                      //!< number of the last run's first journal; 0: none has begun
  std::optional<orchestrator::Owner> owner_;  //!< the last that was read
  std::int64_t owned_ = 0;                    //!< the run that it owns
  core::MonotonicTime moved_;                 //!< when its counter was last seen to have moved
  std::optional<orchestrator::Owner> first_;
  std::int64_t run_before_ = 0;
  core::MonotonicTime begins_by_{};
};

//! Looks every few seconds until the earlier run is over. \param stop asked more often \return whether it is over;
//! false: `stop` came first
bool wait_for_end(RunWatch& watch, const std::function<bool()>& stop,
                  const std::function<void(std::chrono::milliseconds)>& sleep);

}  // namespace resolute::allocations
