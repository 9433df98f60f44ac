#pragma once
//! \file
//! The finished training that a training starts from (experiments/specification/stages.h).

#include <optional>

#include "workers/jobs/finished_training.h"

namespace resolute::workers {

//! The training that this one starts from; nothing if it starts from none.
//! \throws RuntimeError as read_finished_training(); kInput where this one may not start from it, or not by that part
std::optional<FinishedTraining> find_first_stage(core::FileSystem& files, const experiments::StoreLayout& store,
                                                 const experiments::TrainingSpecification& specification);

//! Overwrites the part of `module` with the weights that the training published. \throws RuntimeError as read_weights()
void load_first_stage(core::FileSystem& files, const experiments::StoreLayout& store, const FinishedTraining& first,
                      experiments::StartPart part, torch::nn::Module& module);

}  // namespace resolute::workers
