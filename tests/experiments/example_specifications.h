#pragma once
//! \file
//! Valid specifications to change one member of.

#include "experiments/specification/specification.h"

namespace resolute::experiments {

inline PackSettings example_pack() {
  return {.name = "easy",
          .source = settings::Source::kSynthetic,
          .synthetic = SyntheticSettings{},
          .height = 64,
          .width = 32,
          .shards = 2};
}

inline TrainingSpecification example_training() {
  TrainingSpecification training;
  training.method = RainOptions{};
  training.recipe.steps = 10;
  training.pack = example_pack();
  training.lanes = 2;
  return training;
}

inline EvaluationSpecification example_evaluation() {
  return {.training = job_id(example_training()), .pack = example_pack(), .split = {}, .protocol = {}};
}

}  // namespace resolute::experiments
