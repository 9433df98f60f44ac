#pragma once
//! \file
//! The evidence of burn-ins on a run's GPUs and processors. Pure. A place whose training has other bits than most
//! places of its numeric class have computes wrongly, and nothing else would ever show it.

#include <optional>
#include <string>
#include <vector>

#include "orchestrator/decisions/state.h"

namespace resolute::orchestrator {

//! The next place that is to be set aside, or given out again after all, one a call: a GPU, or a host where the
//! processors are wrong or all GPUs are taken. Right is the digest of most places of its numeric class; of equally
//! many, the one that came first. Nothing follows if most have none (a worker that cannot burn in), or their class is
//! not known. \param burn_ins of the run so far, in the order in which
//! they came; those of agents that are gone do not count \param check opens the reason after the place's name; only
//! what a check set aside it gives out again
std::optional<Event> next_verdict(const State& state, const std::vector<BurnedIn>& burn_ins,
                                  const std::string& check = "burn-in");

//! "GPU GPU-12ab of node7 trained on 610 images a minute, most of its kind 1200: it gets work last", for each that
//! is_slow() beside its numeric class (choose_placement() takes it last), or has less than that of its free memory.
std::vector<std::string> slow_places(const State& state, const std::vector<BurnedIn>& burn_ins);

}  // namespace resolute::orchestrator
