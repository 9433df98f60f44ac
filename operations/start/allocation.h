#pragma once
//! \file
//! One start of a submission's batch script. It runs the launcher as its child. When the launcher has ended, it decides
//! from the store what follows: nothing, the same SLURM job again, or a successor.

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/files/file_system.h"
#include "operations/start/allocation_work.h"
#include "operations/start/launched_run.h"
#include "slurm/client.h"

namespace resolute::operations {

using Environment = std::map<std::string, std::string>;

//! Everything outside that a start uses; tests replace it.
struct AllocationWorld {
  core::FileSystem& files;
  const core::Clock& clock;
  const AllocationSignals& signals;
  std::function<slurm::Time()> now;  //!< by the wall clock
  slurm::Effects slurm;              //!< SLURM's commands, and every pause
  PlanOf plan_of;
  //! launchers_here()
  std::function<std::vector<slurm::Launcher>(int nodes, const Environment& environment, const std::string& mpi)>
      launchers;
  //! run_launcher()
  std::function<LaunchedRun(const std::vector<std::string>& command, const Environment& environment,
                            const RunQuestions& run)>
      launch;
  std::string version{};  //!< of this program, for the log
  std::function<slurm::Mpirun(const Environment& environment)> mpirun = mpirun_here;
};
//! The real machine. \param signals must outlive the result
AllocationWorld real_allocation_world(const AllocationSignals& signals, PlanOf plan_of, std::string version);

//! Which batch script, and which start of it.
struct AllocationOrder {
  std::filesystem::path submission;  //!< its folder
  int batch = 1;                     //!< its number in the submission
  int generation = 0;                //!< 0, and one more for each successor
  //! The signal that killed this start's process. Then nothing is run, and this process decides what follows in its
  //! place.
  std::optional<int> killed_by{};
};

//! Returns when it is decided what follows. \param environment as SLURM gave it to the start \return exit code: 0
//! complete, 3 some jobs failed, 75 to be continued, 1 or 2 given up (the log says why) \throws RuntimeError: kInput
//! for a batch that the submission does not have, a folder that others may write to, or outside of SLURM; kCorrupt for
//! a torn request
int run_allocation(const AllocationWorld& world, const AllocationOrder& order, Environment environment);

}  // namespace resolute::operations
