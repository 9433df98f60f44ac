#pragma once
//! \file
//! Burn-in: before its first job each GPU of an agent, or without GPUs each of its processors, trains the same little
//! network for a while (`resolute-worker burn-in`, docs/inside/orchestrator.md).

#include <chrono>
#include <string>
#include <vector>

#include "orchestrator/launch/bindings.h"
#include "orchestrator/messages/wire.h"

namespace resolute::orchestrator {

//! Waits for the slowest; GPUs, or `slots` processors, at once. \param worker program and leading arguments of
//! resolute-worker \param time each trains at least \param limit after which one counts as failed
//! \return one of each GPU in their order; without GPUs one of all processors together
std::vector<BurnIn> burn_in(const std::vector<std::string>& worker, const Inventory& inventory, int slots,
                            std::chrono::seconds time, std::chrono::seconds limit);

//! The inventory with its GPUs from the fastest to the slowest, in which order they are given out; of equals, and
//! without burn-ins, in its own. The slots that a run counts as taken are so those of fast GPUs first (free_fast()).
Inventory slowest_last(const Inventory& inventory, const std::vector<BurnIn>& burn_ins);

}  // namespace resolute::orchestrator
