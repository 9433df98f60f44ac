#pragma once
//! \file
//! What to do next, and why: a pure function of state and time. The coordinator journals the answer, applies it, then
//! acts; replay applies the journaled answer and never asks again.

#include <optional>
#include <vector>

#include "orchestrator/event.h"
#include "orchestrator/state.h"

namespace resolute::orchestrator {

struct Policy {
  int crash_budget = 3;              //!< crashes after which a job is given up
  int fruitless_budget = 8;          //!< lost agents or interruptions in a row without a new checkpoint
  Milliseconds first_back_off{250};  //!< wait after the first crash; four times as long after each further one
  Milliseconds stop_grace{30'000};   //!< SIGTERM to SIGKILL for ranks that may write a checkpoint
  int patience = 32;            //!< later jobs that a gang lets pass while it waits for more slots; then they wait too
  bool agents_pending = false;  //!< agents may still join: an empty machine room is not the end
};

//! The decisions that follow from `state` at `now`, in the order in which they are to be applied; empty when there is
//! nothing to do before the next event or next_wake(). One call's decisions never contradict each other. At most
//! `limit` placements.
std::vector<Event> decide(const State& state, const Policy& policy, Instant now, int limit = 64);

//! When decide() may answer differently without an event: the end of the earliest back-off.
std::optional<Instant> next_wake(const State& state);

//! Where a gang of `slots` goes: on the fewest hosts, then the fewest agents; of several that fit, the one with the
//! least left over, then the lowest number. Empty if the free slots do not suffice. Pure.
Placement choose_placement(const std::map<AgentNumber, AgentSlots>& agents, int slots);

}  // namespace resolute::orchestrator
