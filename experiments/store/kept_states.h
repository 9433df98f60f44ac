#pragma once
//! \file
//! Finished trainings that keep their last state, for the same trainings with more steps. A training is found by its
//! specification without the length: an empty file `states/KEY/STEPS-JOB`, where KEY is the id of that specification.
//! The state is the newest file of the job's checkpoints. Where `resolute store gc` took it, nothing is found.

#include <optional>
#include <vector>

#include "core/files/file_system.h"
#include "experiments/specification/plan.h"
#include "experiments/store/store_layout.h"

namespace resolute::experiments {

//! Notes a training that is done and has its last state. Does nothing where no longer one can go on from it.
//! \throws RuntimeError (storage) if that cannot be written
void note_kept_state(core::FileSystem& files, const StoreLayout& store, const JobId& job,
                     const TrainingSpecification& training);

//! \return of the noted trainings whose state is there, the longest that `training` goes_on() from
//! \throws RuntimeError of the store
std::optional<GoesOn> find_kept_state(core::FileSystem& files, const StoreLayout& store,
                                      const TrainingSpecification& training);

//! The noted files below states/ whose state is gone.
std::vector<std::filesystem::path> notes_without_state(core::FileSystem& files, const StoreLayout& store);

}  // namespace resolute::experiments
