#pragma once
//! \file
//! What a suite's trainings logged as TensorBoard's event files, a run a training (docs/formats/export.md).

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "results/exports/relations.h"

namespace resolute::results {

//! A training, and what TensorBoard calls it.
struct TrainingRun {
  std::string name;  //!< "TABLE/DATASET/ROW.trial-N" of the first cell that stands on it: a folder
  experiments::JobId training;
};

//! Every training of the plan's tables once, in the order of the tables.
std::vector<TrainingRun> training_runs(const experiments::Plan& plan);

//! Makes `folder`, whole or not at all, of RUN/events.out.tfevents.0000000000.resolute for each training that logged a
//! step. Depends on the plan and on the store's files alone: events have no time. Damaged lines of logs are named in
//! the log and left out. \return how many trainings have logged
//! \param folder absent or an empty folder \throws core::RuntimeError as require_new_folder(); kInput where no training
//! has logged a step; of the file system
std::size_t export_tensorboard(const ResultsSource& source, const std::filesystem::path& folder,
                               const std::function<void(std::size_t done)>& progress = {});

}  // namespace resolute::results
