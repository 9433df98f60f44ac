#pragma once
//! \file
//! Steps that the local run and the run under MPI share.

#include <optional>

#include "orchestrator/agent/agent.h"
#include "orchestrator/coordinator/coordinator.h"
#include "orchestrator/coordinator/run_options.h"
#include "orchestrator/run/run_loop.h"

namespace resolute::orchestrator {

//! The outcome if every job of the plan has its result.
std::optional<RunOutcome> outcome_if_done(core::FileSystem& files, const experiments::Plan& plan,
                                          const RunOptions& options);
//! RunOptions::next_plan, as far as the run goes on: the selected part of it. Nothing after a wish to stop.
//! \param signals null: none are caught yet \throws RuntimeError as RunOptions::next_plan, of the storage after minutes
//! or a signal
std::optional<experiments::Plan> next_plan(const RunOutcome& outcome, const RunOptions& options,
                                           const StopSignals* signals);
//! \throws RuntimeError (kInput) if a worker's program is missing or RunOptions::first names nothing of the plan
void check_before_run(const experiments::Plan& plan, const RunOptions& options);

//! The place of an agent.
struct AgentPlace {
  Portion cores;               //!< among those of its host that share its processors
  Portion gpus;                //!< and its GPUs
  int agents = 1;              //!< on its host
  bool launched = false;       //!< by mpirun or srun: the host's processors are the run's
  bool several_hosts = false;  //!< numeric classes may differ
};
//! The agent's offer, from the resources that the machine has and the user grants.
AgentOptions agent_options(const RunOptions& options, const AgentPlace& place);

//! Any signal ends the run in order; what hastens the end: RunOptions::sigterm_hastens, Coordinator::request_stop().
void pass_on_signals(StopSignals& signals, const RunOptions& options, Coordinator& coordinator);

}  // namespace resolute::orchestrator
