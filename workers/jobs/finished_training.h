#pragma once
//! \file
//! What a training has left in the store: its record and its weights, checked against one another.

#include "results/records/record.h"
#include "workers/training/checkpoint.h"

namespace resolute::workers {

//! The record of a training. \throws RuntimeError (kInput) if the job has no result yet or is no training
results::TrainingRecord read_training(core::FileSystem& files, const experiments::StoreLayout& store,
                                      const experiments::JobId& training);

//! The weights that a training published. \throws RuntimeError (kCorrupt) if the file's hash is not the record's
Weights read_weights(core::FileSystem& files, const experiments::StoreLayout& store,
                     const results::TrainingRecord& record);

}  // namespace resolute::workers
