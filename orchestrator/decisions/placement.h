#pragma once
//! \file
//! The places of a gang: pure, and fast at ten thousand agents.

#include <string>
#include <vector>

#include "orchestrator/decisions/state.h"

namespace resolute::orchestrator {

//! The places of a gang with this need: on agents of one numeric class, without slow places (Speeds) where what else is
//! free suffices, on the fewest hosts, then the fewest agents; of several that fit, where the least is left over, then
//! the lowest number. The class of its row comes before speed. barred_hosts() are not taken; one on trial gets one job,
//! and one where a job is alone (GangNeed::alone) no other. Agents of an unknown class go with any. If no agent of the
//! need's class is there, the class does not count. Empty if what is free does not suffice. Takes time in the logarithm
//! of the number of machines for each host of the answer; where memory or hosts bar machines, in their number at worst.
Placement choose_placement(const State& state, const GangNeed& need);

//! Ranks of this need that could run at once if nothing else ran, up to its slots; GangNeed::not_on counts only where
//! the others hold it. In time that grows with the number of agents if it counts memory.
int most_ranks(const State& state, const GangNeed& need);
//! The same without these hosts.
int most_ranks_without(const State& state, const GangNeed& need, const std::vector<std::string>& hosts);
//! GangNeed::not_on where the others could hold the gang, were they empty; else none.
std::vector<std::string> barred_hosts(const State& state, const GangNeed& need);

//! True if a gang with this need may use an agent of this numeric class.
bool class_fits(const State& state, const GangNeed& need, const std::string& numeric_class);

}  // namespace resolute::orchestrator
