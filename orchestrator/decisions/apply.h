#pragma once
//! \file
//! The one way a State changes. Live runs and replay go through it alike; it decides nothing.

#include "orchestrator/decisions/state.h"
#include "orchestrator/messages/event.h"

namespace resolute::orchestrator {

//! Changes `state` by one event. An event about an attempt that is not the current one, or an agent that is gone,
//! changes nothing. \throws RuntimeError (kCorrupt) for an event that no run can produce (an unknown job, a slot given
//! twice): a journal made by hand or by a bug; the state is then not to be used. Call it qualified:
//! std::apply is found for variants too
void apply(State& state, const Event& event);

//! True if JobsKept makes of `job`, which an earlier run had, what `added` would make of it. \param done its result is
//! there: how long it would take does not matter
bool is_kept(const Job& job, const JobAdded& added, bool done);

}  // namespace resolute::orchestrator
