#pragma once
//! \file
//! A training → weights.

#include "results/records/record.h"
#include "workers/jobs/job.h"

namespace resolute::workers {

//! Trains, or goes on from the newest usable checkpoint, and writes the weights file beside where result.json will
//! stand. Process rank 0's record is the job's; the others' name no weights. \throws RuntimeError: kInterrupted once a
//! checkpoint is on disk; else as Trainer, PackSource and CheckpointFolder
results::TrainingRecord run_training(const JobContext& context,
                                     const experiments::TrainingSpecification& specification);

//! A finished training needs its checkpoints no more, unless a longer one is to go on from the last: then that one is
//! noted (kept_states.h). Failing to do so is no error.
void leave_checkpoints(const JobContext& context, const experiments::TrainingSpecification& specification);

}  // namespace resolute::workers
