#pragma once
//! \file
//! Evidence against an agent's GPUs, and for them (AgentSlots::gpu_records). For apply() alone.

#include <string>

#include "orchestrator/decisions/state.h"

namespace resolute::orchestrator {

//! A rank of a job ended on a GPU without a sign of life. Nothing is held against the GPU where the cause is none of a
//! GPU's, or where the job has failed on another one too: then nothing is held against that one either.
void accuse_gpu(State& state, JobIndex number, AgentNumber agent, const std::string& gpu, Cause cause,
                const std::string& evidence);
//! A rank lived on a GPU: what happened there before says nothing of it.
void acquit_gpu(State& state, AgentNumber agent, const std::string& gpu);
//! A job lived on other GPUs than those that are set aside: what these did to jobs is given back to their budgets.
void give_back_of_gpus_aside(State& state);

void set_aside(State& state, AgentNumber agent, const std::string& gpu, Instant until, const std::string& why);
//! The next end without a sign of life sets it aside again.
void give_out_again(State& state, AgentNumber agent, const std::string& gpu);

}  // namespace resolute::orchestrator
