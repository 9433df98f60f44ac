#pragma once
//! \file
//! Lengths of a training in epochs, as papers print them, and what an epoch is. Suites may speak of epochs; what is
//! planned from them, and hashed to ids, holds steps alone.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "core/error.h"
#include "settings/training.h"

namespace resolute::settings {

//! Members of a suite's `train` that stand for the Recipe's steps, milestones and warmup_steps.
struct EpochSettings {
  int epochs = 0;
  std::vector<int> milestone_epochs;
  int warmup_epochs = 0;
  bool operator==(const EpochSettings&) const = default;

  static constexpr int kMostEpochs = 1'000'000;

  static void members(auto&& visit) {
    using E = EpochSettings;
    visit(member("epochs", &E::epochs, between(0, kMostEpochs),
                 "in the place of train.steps: so many epochs of the trial's training images"));
    visit(member("milestone_epochs", &E::milestone_epochs, ascending(1, kMostEpochs),
                 "in the place of train.milestones"));
    visit(member("warmup_epochs", &E::warmup_epochs, between(0, kMostEpochs), "in the place of train.warmup_steps"));
  }
};

//! The images and people that a trial trains on.
struct TrainingCount {
  std::size_t images = 0;
  int identities = 0;
  bool operator==(const TrainingCount&) const = default;
};

//! The first step after which `epochs` epochs have passed. An epoch is over when batches have had as many rows as the
//! split has training images: ⌈epochs × training_images ÷ (P × K)⌉ steps, P × K being Recipe::identities ×
//! Recipe::images. Papers count so ("120 epochs" of batches of 64 images), whose samplers draw identities as ours does:
//! an image may come twice in an epoch and another not at all. A number that no training reaches stays one.
//! \pre all at least 1
inline std::uint64_t steps_of_epochs(std::uint64_t epochs, std::size_t training_images, const Recipe& batch) {
  RESOLUTE_EXPECT(epochs > 0 && training_images > 0 && batch.identities > 0 && batch.images > 0,
                  "an epoch has at least one step");
  constexpr double kNever = 1e18;  // below 2^63, whatever is asked for
  // Exact below 2^53 rows, which is beyond the longest training.
  const double rows = static_cast<double>(epochs) * static_cast<double>(training_images);
  const double steps = std::ceil(rows / (static_cast<double>(batch.identities) * batch.images));
  return static_cast<std::uint64_t>(std::min(steps, kNever));
}

//! The inverse: how many epochs so many steps are. \pre as steps_of_epochs()
inline double epochs_of_steps(std::uint64_t steps, std::size_t training_images, const Recipe& batch) {
  RESOLUTE_EXPECT(training_images > 0, "an epoch has at least one step");
  return static_cast<double>(steps) * batch.identities * batch.images / static_cast<double>(training_images);
}

}  // namespace resolute::settings
