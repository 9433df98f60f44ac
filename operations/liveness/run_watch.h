#pragma once
//! \file
//! Watches the runs of a suite from outside, by their files in the store. It tells whether the run that a launcher
//! starts has begun, and whether it is over. It also tells whether the run of an earlier start is still at work, on
//! nodes that SLURM has given up.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "core/clock.h"
#include "core/files/file_system.h"
#include "orchestrator/journal/owner.h"

namespace resolute::operations {

//! Watches two runs: the other run, which had the suite when this object was made, and the new run, which a launcher is
//! about to start. While the folder cannot be read, it reports no change. Nothing throws.
class RunWatch {
 public:
  RunWatch(core::FileSystem& files, std::filesystem::path run_folder, const core::Clock& clock);

  //! True if the other run has given a sign of life since this object was made; its end counts as one. While its owner
  //! file moves, no new run can take the suite (orchestrator/journal/owner.h).
  bool other_moved();
  //! True if the other run has ended, or has stood still for so long that a new run may take the suite.
  bool other_over();
  //! "process 17 on 'n1'"
  std::string other() const;

  //! A launcher starts the new run now. \param limit a run that has not begun after this time will never begin: one of
  //! its processes has died, and the others wait for it
  void expect(std::chrono::milliseconds limit);
  //! True if a new run has taken the suite since expect(). Another journal epoch of the other run does not count.
  bool began();
  //! True if the new run has ended, its process is gone, it has given no sign of life for minutes in which the store
  //! neither failed nor blocked, or it has not begun in time. To be asked every few seconds: a longer pause is time in
  //! which the run stood still too, and does not count.
  bool over();
  //! Time in which the caller did something else than to wait between two over(): no pause of the run's.
  void leave_out(core::MonotonicTime::duration time) { asked_ += time; }

 private:
  void look();
  void try_to_look();
  std::int64_t last_run();
  void allow_for_absence();

  core::FileSystem& files_;
  std::filesystem::path folder_;
  const core::Clock& clock_;
  std::int64_t run_ = 0;                      //!< first journal epoch of the last run; 0: no run has begun
  std::optional<orchestrator::Owner> owner_;  //!< the last owner file that was read
  std::int64_t owned_ = 0;                    //!< the run of that owner file
  core::MonotonicTime moved_;                 //!< when its counter, or the run itself, last changed
  std::optional<orchestrator::Owner> first_;
  std::int64_t run_before_ = 0;
  core::MonotonicTime asked_{};  //!< when over() last looked
  core::MonotonicTime begins_by_{};
};

//! Waits until the other run is over, looking every few seconds. \param stop asked more often \return true if the run
//! is over; false if `stop` came first
bool wait_for_end(RunWatch& watch, const std::function<bool()>& stop,
                  const std::function<void(std::chrono::milliseconds)>& sleep);

}  // namespace resolute::operations
