#pragma once
//! \file
//! Hosts and GPUs that a run has set aside: the hardware to look at, and what the next run begins with.

#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "experiments/store/store_layout.h"
#include "orchestrator/decisions/state.h"

namespace resolute::orchestrator {

struct PlaceAside {
  std::string host;
  std::string gpu;  //!< its name, a UUID where it has one; empty: the whole host
  std::string why;  //!< as HostSetAside, HostExcluded or GpuSetAside says it; the last names GPU and host
  Instant until{};  //!< kForGood: for the whole run, as of a host that was excluded
  int times = 1;    //!< that it was set aside in a row
};
//! "GPU-12ab of node7: 2 attempts in a row …"
std::string text_of(const PlaceAside& place);
//! An agent's GPUs that are set aside.
std::vector<PlaceAside> places_aside(const AgentSlots& agent);
//! In order of agents and hosts; none that a user has drained.
std::vector<PlaceAside> places_aside(const State& state);
//! Those of the last run of each allocation of a suite, each once, in order of their names. A journal that cannot be
//! read gives a warning and none of its places. \param but this one, by experiments::run_name()
std::vector<PlaceAside> places_aside(core::FileSystem& files, const experiments::StoreLayout& store,
                                     const std::string& suite, const std::string& but = "");
//! Those that a run begins with: of the run before, and of the suite's other allocations while their time is not over;
//! no journal says for how long a whole run of theirs was meant. \param run experiments::run_name() of this one
//! \param past the state at the end of the run before, which the caller has replayed
std::vector<PlaceAside> still_aside(core::FileSystem& files, const experiments::StoreLayout& store,
                                    const std::string& suite, const std::string& run, const State& past, Instant now);

}  // namespace resolute::orchestrator
