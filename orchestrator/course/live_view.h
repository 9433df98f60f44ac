#pragma once
//! \file
//! The view of a run at work, for people who look on. Pure.

#include "orchestrator/course/attempts.h"
#include "orchestrator/course/forecast.h"
#include "orchestrator/course/starting_attempts.h"
#include "orchestrator/decisions/state.h"
#include "orchestrator/store/live.h"

namespace resolute::orchestrator {

//! Agents, attempts, retries and the time that is left; not the epoch, the time and the store.
LiveStatus live_view(const State& state, const Attempts& attempts, const StartingAttempts& starting,
                     const Forecast& forecast, core::MonotonicTime now);

}  // namespace resolute::orchestrator
