#pragma once
//! \file
//! Parts of apply(), each with a file of its own: the evidence against hosts and for them (State::hosts), the evidence
//! against an agent's GPUs and for them (AgentSlots::gpu_records), the numeric classes of rows (Job::row), and State's
//! Indexes, which follow what apply() changes. For apply() and build_indexes() alone.

#include <string>

#include "orchestrator/decisions/state.h"

namespace resolute::orchestrator {

// host_record.cpp

//! A job's attempt ended on a host by a cause that may be the host's. A job that failed on one host alone throws
//! suspicion on it, except for want of memory or of a peer; one that fails anywhere, on none. \param lived whether it
//! wrote a checkpoint before
void accuse(State& state, JobIndex number, const AttemptEnding& ending, bool lived);
//! A job has shown that it can live on this placement: if that is on one host, nothing that failed there before says
//! anything of the host; and if the job failed on one other host, that is evidence against the other. Hosts that
//! are set aside give back what they did to jobs.
void acquit(State& state, JobIndex number, const Placement& placement);
//! Nothing more is placed on a host. The ends that it gave to the jobs that are suspects there are given back to their
//! budgets.
void exclude(State& state, const std::string& host, const std::string& why);
//! An end on a host that was the host's is one no more that the job's budget knows.
void give_back(State& state, JobIndex number, const std::string& host, Cause cause);

//! Nothing is placed on a host until then. \param until Instant{}: it is given out again, and the next end without a
//! sign of life sets it aside again
void set_host_aside(State& state, const std::string& host, Instant until, const std::string& why);

// gpu_record.cpp

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

//! True where others may be at work on this GPU of an agent beside the job.
bool shares_gpu(const State& state, AgentNumber number, const std::string& gpu, JobIndex job);

// Nothing is done for an agent whose GPUs are not shared.

//! Chooses the GPUs of a job that has been placed, for so many ranks.
void take_gpus(State& state, AgentNumber number, JobIndex job, int ranks);
void release_gpus(State& state, AgentNumber number, JobIndex job);
//! AgentSlots::gpus and free_gpus, after a change of what they follow from. \return whether the GPUs are shared
bool recount_gpus(State& state, AgentNumber number);

// row_classes.cpp

//! The first job of a row was placed in a class: the others follow it. Rows beside it that have not begun begin there
//! too: where the row is with which they are compared, else where the first of them is.
void give_class(State& state, JobRow row, const std::string& numeric_class);
//! The done jobs of a row say where the rest of it belongs, and the rows beside it that have not begun: a trial that is
//! made anew was the odd one before.
void give_classes_of_done(State& state);

// indexes.cpp

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
