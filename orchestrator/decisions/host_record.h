#pragma once
//! \file
//! What is held against hosts, and what speaks for them (State::hosts). For apply() alone.

#include <string>

#include "orchestrator/decisions/state.h"

namespace resolute::orchestrator {

//! A job's attempt ended on a host by a cause that may be the host's. A job that failed on one host alone throws
//! suspicion on it; one that fails anywhere, on none.
void accuse(State& state, JobIndex number, const std::string& host, Cause cause);
//! A job has shown that it can live on this placement: if that is on one host, nothing that failed there before says
//! anything of the host; and if the job failed on one other host, that is evidence against the other.
void acquit(State& state, JobIndex number, const Placement& placement);
//! Nothing more is placed on a host. What it did to the jobs that are suspects there is given back to their budgets.
void exclude(State& state, const std::string& host, const std::string& why);

}  // namespace resolute::orchestrator
