#pragma once
//! \file
//! A run takes over from the one before. Hardware that was set aside stays so, with its time: two runs that follow
//! one another meet the same bad GPU. Of all else a new run forgets what the one before was told and has learnt, for
//! its user may have mended it. Where one plan follows another in a process (searches) nobody has. Pure.

#include <vector>

#include "orchestrator/coordinator/places_aside.h"
#include "orchestrator/decisions/decide.h"
#include "orchestrator/messages/wire.h"

namespace resolute::orchestrator {

//! Events that tell the next plan's run of drained and excluded hosts, and of jobs that the user does not want.
//! \param before the state at the first one's end \param now the next one's, which has its plan
std::vector<Event> handed_over(const State& before, const State& now);

//! Events that set the hosts of `places` aside at a run's begin. One that was excluded is set aside for as long as the
//! worst. \param begin of the run
std::vector<Event> hosts_still_aside(const std::vector<PlaceAside>& places, const Policy& policy, Instant begin);

//! Events that set those of an agent's GPUs aside that are among `places`. A GPU is known by its host and its UUID: a
//! mere number may stand for another one in the next allocation. \param joined has the GPUs by name
std::vector<Event> gpus_still_aside(const std::vector<PlaceAside>& places, AgentNumber agent, const Join& joined);

}  // namespace resolute::orchestrator
