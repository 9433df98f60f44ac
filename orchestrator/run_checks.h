#pragma once
//! \file
//! Steps that the local run and the run under MPI share.

#include <optional>

#include "orchestrator/coordinator.h"
#include "orchestrator/run.h"
#include "orchestrator/run_loop.h"

namespace resolute::orchestrator {

//! The outcome if every job of the plan has its result.
std::optional<RunOutcome> outcome_if_done(core::FileSystem& files, const experiments::Plan& plan,
                                          const RunOptions& options);
//! \throws RuntimeError (kInput) if a worker's program is missing
void check_before_run(const experiments::Plan& plan, const RunOptions& options);
void pass_on_signals(StopSignals& signals, Coordinator& coordinator);

}  // namespace resolute::orchestrator
