#pragma once
//! \file
//! Keeps State's Indexes while apply() changes what they follow from. For apply() and build_indexes() alone.

#include <string>

#include "orchestrator/decisions/state.h"

namespace resolute::orchestrator {

//! Enters a wanted job as it stands, or takes it out: to be called after, and before, any change of its state or of
//! what its place in the indexes follows from.
void index_job(State& state, JobIndex number);
void unindex_job(State& state, JobIndex number);
//! Brings `attention` up to date with one Running job.
void refresh_attention(State& state, JobIndex number);
//! Groups the agents of a host into machines, or takes these apart: to be called after, and before, an agent comes or
//! goes, or whether anything may be placed on one changes.
void index_host(State& state, const std::string& host);
void unindex_host(State& state, const std::string& host);
//! Gives slots, or GPUs, of one agent that answers back from a job, or, negative, to it: as many as its ranks there.
void change_free(State& state, AgentNumber number, AgentSlots& agent, JobIndex job, int slots);

// gpu_record.cpp. Nothing is done for an agent whose GPUs are not shared.

//! Chooses the GPUs of a job that has been placed, for so many ranks.
void take_gpus(State& state, AgentNumber number, JobIndex job, int ranks);
void release_gpus(State& state, AgentNumber number, JobIndex job);
//! AgentSlots::gpus and free_gpus, after a change of what they follow from. \return whether the GPUs are shared
bool recount_gpus(State& state, AgentNumber number);

//! A burn-in of an agent's GPU, or with an empty name of its processors, has told its images a minute.
void add_speed(State& state, AgentNumber number, const std::string& gpu, std::int64_t speed);
//! Before an agent goes.
void forget_speeds(State& state, AgentNumber number);
//! After a change of an agent's gpu_records, or of which agents there are.
void refresh_gpus(State& state, AgentNumber number);
//! After a change of a host's record; forgets one that says nothing.
void refresh_host_record(State& state, const std::string& host);
//! Moves the jobs whose back-off is over at `now` from `resting` to `ready`.
void wake_resting(State& state, Instant now);

}  // namespace resolute::orchestrator
