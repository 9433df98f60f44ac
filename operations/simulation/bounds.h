#pragma once
//! \file
//! Bounds that no scheduler can beat on a machine, and the best that checkpointing allows. Pure.

#include "operations/simulation/simulate.h"

namespace resolute::operations {

//! The ranks that a job takes of the pool the report speaks of: GPUs, or slots where the machine has none; 0 for a job
//! that lives beside it.
int weight_of(const SimulatedJob& job, const SimulatedMachine& machine);
//! Size of that pool.
int pool_of(const SimulatedMachine& machine);

//! Work ÷ pool, of the pool for which that is more, in hours.
double work_bound_hours(const SimulatedWorkload& workload, const SimulatedMachine& machine);
//! The longest chain of jobs that need each other, in hours.
double chain_bound_hours(const SimulatedWorkload& workload);

//! Mean seconds that a job of `work` seconds takes on parts that fail together `rate` times a second, when it is cut
//! into `segments` equal pieces with a checkpoint of `checkpoint` seconds after each but the last, and every begin
//! costs `start` seconds. Failures also hit starts and checkpoints. Source: Daly, "A higher order estimate of the
//! optimum checkpoint interval for restart dumps", FGCS 22 (2006), eq. 13: a piece of x seconds takes
//! e^(rate·start)·(e^(rate·x) − 1) ÷ rate.
double expected_seconds(double work, std::int64_t segments, double rate, double checkpoint, double start);

//! expected_seconds() with the best number of pieces, near Young's √(2·checkpoint ÷ rate) seconds each.
double best_expected_seconds(double work, double rate, double checkpoint, double start);

//! The goodput of a machine on which every job has the checkpoint interval that is best for it, sits on as few nodes as
//! hold it and waits for nothing; nodes are down while they are repaired or taken. Knows nothing of walltimes.
double optimum_goodput(const SimulatedWorkload& workload, const SimulatedMachine& machine);

}  // namespace resolute::operations
