#pragma once
//! \file
//! Which ready job starts next, and why not another: the order of the queue, reservations and backfill. For decide().

#include <optional>
#include <string>

#include "orchestrator/decisions/decide.h"

namespace resolute::orchestrator {

//! The next placement, or nothing.
//!
//! The order is priority, then the longest expected path, then the plan's. The first job in it that does not fit,
//! though an empty machine room would hold it, has a reservation: the time at which enough of what runs is expected to
//! have ended. Later ones may start if they are expected to end before it, or if what is free then suffices for both;
//! where that cannot be known, Policy::patience of them. Jobs with GPUs and jobs without do not wait for each other.
std::optional<Placed> next_placement(const State& state, const Policy& policy, Instant now);

//! Why a Ready job whose back-off is over is not placed now; empty if it is the next. For people.
std::string why_not_placed(const State& state, const Policy& policy, Instant now, JobIndex number);

//! True if a job's new attempt would keep something before the allocation ends.
bool reaches_checkpoint(const State& state, const Policy& policy, const Job& job, Instant now);
//! True if RunStarted::max_jobs bars a job that has not been placed in this run.
bool limit_reached(const State& state);
//! "1 slot", "8 GPUs"
std::string slots_text(int slots, bool gpus);

}  // namespace resolute::orchestrator
