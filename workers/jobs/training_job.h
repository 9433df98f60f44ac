#pragma once
//! \file
//! The jobs that need libtorch: a training → weights, an evaluation → features and metrics.

#include <memory>

#include "results/records/record.h"
#include "workers/device/device.h"
#include "workers/jobs/job.h"

namespace resolute::workers {

//! The device on which a training's networks compute, as its precision asks for. \param device of the training or of an
//! evaluation \throws as open_device() by name
std::unique_ptr<Device> open_device(const experiments::TrainingSpecification& training, settings::Device device,
                                    int process_rank);

//! Trains, or goes on from the newest usable checkpoint, and writes the weights file beside where result.json will
//! stand. Process rank 0's record is the job's; the others' name no weights. \throws RuntimeError: kInterrupted once a
//! checkpoint is on disk; else as Trainer, PackSource and CheckpointFolder
results::TrainingRecord run_training(const JobContext& context,
                                     const experiments::TrainingSpecification& specification);

//! Embeds and scores with the weights of a finished training; writes features.h5 beside where result.json will stand.
//! \throws RuntimeError: kInput if the training has no result yet; kCorrupt if its weights are not those it published
results::EvaluationRecord run_evaluation(const JobContext& context,
                                         const experiments::EvaluationSpecification& specification);

//! A finished training needs its checkpoints no more. Failing to remove them is no error.
void remove_checkpoints(const JobContext& context);

}  // namespace resolute::workers
