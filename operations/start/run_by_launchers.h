#pragma once
//! \file
//! Runs the suite of an allocation by its launchers, one after the other, until one of them has brought a run to life
//! and that run has ended.

#include <functional>

#include "operations/start/allocation_work.h"
#include "operations/start/time_left.h"
#include "slurm/allocation.h"

namespace resolute::operations {

//! The suite to run, and what a start of the batch script does around it.
struct SuiteToRun : ServedBatch {
  const AllocationWork& work;
  int nodes = 1;
  const Environment& environment;              //!< of the launchers
  std::function<void(slurm::Launcher)> begun;  //!< called when the run of a launcher has begun
  std::function<void()> beside;                //!< called again and again while a launcher lives
};

//! Returns when a run has ended, when no launcher begins one, or when it is too late. A run of an earlier start may
//! live on, on nodes that SLURM has lost. No other run begins then, which is no launcher's fault; that run does the
//! same work, so its end is awaited. \param ending gets `began`, `another_run` and `wrong_usage`, with an exception too
//! \throws RuntimeError (is_storage()) if the store has kept the run from its begin
void run_by_launchers(const SuiteToRun& suite, slurm::AllocationEnding& ending);

}  // namespace resolute::operations
