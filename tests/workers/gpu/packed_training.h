#pragma once
//! \file
//! Trainings of every method from a pack, one lane, small enough for tests.

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "tests/workers/gpu/device_training.h"
#include "tests/workers/gpu/gpu_gang.h"
#include "tests/workers/gpu/method_in_phases.h"
#include "workers/training/make_method.h"
#include "workers/training/pack_source.h"
#include "workers/training/resume.h"

namespace resolute::workers::gpu_test {

inline experiments::TrainingSpecification packed_specification(const Plan& plan) {
  experiments::TrainingSpecification asked = specification(plan);
  asked.lanes = 1;
  asked.recipe.identities = 4;
  asked.recipe.images = 4;
  asked.recipe.lr_images = plan.method == "ftwa" ? 2 : 0;
  asked.recipe.train_rates = {2, 3};
  return asked;
}

//! Folders of checkpoints, empty for none.
struct Stored {
  std::filesystem::path checkpoints{};  //!< one is written behind the last step
  std::filesystem::path from{};         //!< the training goes on from the newest
};

//! \param watched null, or what stands between the trainer and the pack's batches
inline Trained train_packed(const datasets::PackReader& pack, const datasets::Split& split, at::Device place,
                            const Plan& plan, const Stored& stored = {},
                            const std::function<std::unique_ptr<BatchSource>(BatchSource&)>& watched = nullptr,
                            Communicator* communicator = nullptr) {
  const experiments::TrainingSpecification asked = packed_specification(plan);
  const auto method = std::make_unique<MethodInPhases>(make_method(asked, split.train_identities));
  if (!place.is_cpu()) method->module().to(place);
  std::optional<Checkpoint> begun;
  if (!stored.from.empty()) {
    CheckpointFolder from(core::real_file_system(), stored.from, kOwner);
    begun = load_on_all_ranks(&from, kOwner, nullptr);
  }
  PackSource source(pack, split, asked, {0, 1}, begun ? begun->step : 0, place,
                    {method->row().needs.lr, methods::copy_rates(method->row().needs, asked.recipe),
                     methods::reads_originals(method->row().needs, split.options.train_pool)});
  const std::unique_ptr<BatchSource> watcher = watched ? watched(source) : nullptr;
  ProgressPipe silent(-1);
  std::optional<CheckpointFolder> to;
  if (!stored.checkpoints.empty()) to.emplace(core::real_file_system(), stored.checkpoints, kOwner);
  return trained_to_the_end({.method = *method,
                             .source = watcher ? *watcher : source,
                             .progress = silent,
                             .communicator = communicator,
                             .recorder = plan.recorded ? device().recorder() : nullptr},
                            {.recipe = asked.recipe, .lanes = 1}, begun ? &*begun : nullptr, to ? &*to : nullptr);
}

}  // namespace resolute::workers::gpu_test
