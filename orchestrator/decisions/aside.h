#pragma once
//! \file
//! Which hosts and GPUs are given out: those where jobs fail are not, as long as the others suffice. For decide().
//!
//! One decision a call: two places could not be each other's substitute.

#include <optional>

#include "orchestrator/decisions/decide.h"

namespace resolute::orchestrator {

//! A host on which Policy::exclusion_evidence jobs failed that then lived elsewhere, where the others hold what is
//! left.
std::optional<HostExcluded> exclude_host(const State& state, const Policy& policy);

//! A host or a GPU that is to be set aside for a while, or given out again: when its time is over, or when nothing that
//! is left to do can do without. While agents are expected nobody knows what can be done without.
std::optional<Event> next_change_of_places(const State& state, const Policy& policy, const Moment& moment);

//! When a place is given out again that is set aside now. \param times that it was in a row, with this one
Instant end_of_aside(const Policy& policy, Instant now, int times);
//! More times in a row make no longer time.
inline constexpr int kMostTimesAside = 7;

}  // namespace resolute::orchestrator
