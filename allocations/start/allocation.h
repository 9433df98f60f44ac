#pragma once
//! \file
//! One start of a submission's batch script: it runs the launcher as its child, and decides from the store what follows
//! when that has ended: nothing, the same SLURM job again, or another after it.

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "allocations/start/allocation_work.h"
#include "allocations/start/launched_run.h"
#include "core/clock.h"
#include "core/files/file_system.h"
#include "slurm/client.h"

namespace resolute::allocations {

using Environment = std::map<std::string, std::string>;

//! All that a start touches, to be replaced by tests.
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
};
//! The machine's own. \param signals live as long as the result
AllocationWorld real_allocation_world(const AllocationSignals& signals, PlanOf plan_of, std::string version);

//! Which start of which script.
struct AllocationOrder {
  std::filesystem::path submission;  //!< its folder
  int batch = 1;                     //!< number in it
  int generation = 0;                //!< and one more for each successor
  //! The signal that killed the process that began this start: nothing is run, and what follows is settled in its
  //! place.
  std::optional<int> killed_by{};
};

//! Lives until what follows is settled. \param environment SLURM's of the start \return exit code: 0 complete, 3 some
//! jobs failed, 75 to be continued, 1 or 2 given up (the log says why) \throws RuntimeError: kInput for a batch that
//! the submission has not, a folder that others may write to, or outside of SLURM; kCorrupt for a torn request
int run_allocation(const AllocationWorld& world, const AllocationOrder& order, Environment environment);

}  // namespace resolute::allocations
