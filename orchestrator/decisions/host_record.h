#pragma once
//! \file
//! The evidence against hosts, and for them (State::hosts). For apply() alone.

#include <string>

#include "orchestrator/decisions/state.h"

namespace resolute::orchestrator {

//! A job's attempt ended on a host by a cause that may be the host's. A job that failed on one host alone throws
//! suspicion on it; one that fails anywhere, on none. \param lived whether it wrote a checkpoint before
void accuse(State& state, JobIndex number, const AttemptEnding& ending, bool lived);
//! A job has shown that it can live on this placement: if that is on one host, nothing that failed there before says
//! anything of the host; and if the job failed on one other host, that is evidence against the other. Hosts that
//! are set aside give back what they did to jobs.
void acquit(State& state, JobIndex number, const Placement& placement);
//! Nothing more is placed on a host. The ends that it gave to the jobs that are suspects there are given back to their
//! budgets.
void exclude(State& state, const std::string& host, const std::string& why);
//! An end on a host that was the host's is one no more that the job's budget knows.
void give_back(State& state, JobIndex number, const std::string& host, Cause cause);

//! Nothing is placed on a host until then. \param until Instant{}: it is given out again, and the next end without a
//! sign of life sets it aside again
void set_host_aside(State& state, const std::string& host, Instant until, const std::string& why);

}  // namespace resolute::orchestrator
