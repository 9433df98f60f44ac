#pragma once
//! \file
//! A training's results in the store: its record and its weights, checked against one another, and the method that
//! they make; and the training that another one starts from (experiments/specification/stages.h).

#include <memory>
#include <optional>

#include "methods/networks/method.h"
#include "networks/nn/backbone.h"
#include "results/records/record.h"
#include "workers/training/checkpoint.h"

namespace resolute::workers {

//! The record of a training. \throws RuntimeError (kInput) if the job has no result yet or is no training
results::TrainingRecord read_training(core::FileSystem& files, const experiments::StoreLayout& store,
                                      const experiments::JobId& training);

//! The weights that a training published. \throws RuntimeError (kCorrupt) if the file's hash is not the record's
Weights read_weights(core::FileSystem& files, const experiments::StoreLayout& store,
                     const results::TrainingRecord& record);

struct FinishedTraining {
  experiments::TrainingSpecification specification;
  results::TrainingRecord record;
};

//! \throws RuntimeError as read_training(); kInput for a job whose specification is not there or is no training's
FinishedTraining read_finished_training(core::FileSystem& files, const experiments::StoreLayout& store,
                                        const experiments::JobId& training);

//! The method with the weights that the training published. \throws RuntimeError as read_weights()
std::unique_ptr<methods::Method> make_trained_method(core::FileSystem& files, const experiments::StoreLayout& store,
                                                     const FinishedTraining& training, at::Device place = at::kCPU);

//! \throws RuntimeError (kInput) for a method of several trunks: what is asked for is not known
const networks::Backbone& only_trunk(const torch::nn::Module& module);

//! The training that this one starts from; nothing if it starts from none.
//! \throws RuntimeError as read_finished_training(); kInput where this one may not start from it, or not by that part
std::optional<FinishedTraining> find_first_stage(core::FileSystem& files, const experiments::StoreLayout& store,
                                                 const experiments::TrainingSpecification& specification);

//! Overwrites the part of `module` with the weights that the training published. \throws RuntimeError as read_weights()
void load_first_stage(core::FileSystem& files, const experiments::StoreLayout& store, const FinishedTraining& first,
                      experiments::StartPart part, torch::nn::Module& module);

}  // namespace resolute::workers
