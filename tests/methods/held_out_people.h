#pragma once
//! \file
//! Trains RAIN on rendered people whose LR copies have no label, and asks of people that it never saw how well its
//! frozen features tell HR from LR images, and one person from another.

#include <array>
#include <iostream>

#include "tests/methods/rain/fresh_discriminator.h"
#include "tests/methods/rendered_people.h"
#include "tests/methods/small_training.h"
#include "workers/training/make_method.h"

namespace resolute::workers::worker_tests {

struct HeldOutSettings {
  int height = 48, width = 24, steps = 80;
  std::uint64_t seed = 0;
};

//! Of people that the training never saw.
struct HeldOutScores {
  double accuracy4 = 0, accuracy5 = 0;  //!< of a fresh discriminator on f4, f5; chance 0.5
  double rank1 = 0;                     //!< of LR queries against the other camera's HR images; chance about 1/60
};

//! 32 people train the method, 32 others are held out: a fresh discriminator learns on half of them, HR images and
//! their copies at rates 2, 3, 4, and is asked about the other half.
inline HeldOutScores held_out_scores(const experiments::RainOptions& options, const HeldOutSettings& settings) {
  RenderedSettings rendered{.identities = 32, .images = 8, .height = settings.height, .width = settings.width};
  const RenderedPeople people = rendered_people(rendered);
  rendered.first = 1000;
  rendered.images = 4;
  const RenderedPeople others = rendered_people(rendered);

  experiments::TrainingSpecification specification = small_specification(options);
  specification.seed = settings.seed;
  specification.network.neck = true;
  specification.recipe.learning_rate = 1e-3;
  specification.recipe.discriminator_learning_rate = 3e-3;
  const auto method = make_method(specification, people.identities);
  SmallTraining training(*method);
  for (int step = 0; step < settings.steps; ++step)
    training.step(drawn_batch(people, 8, 2, settings.seed, static_cast<std::uint64_t>(step)));

  const auto halves = [&](std::size_t level) {
    std::array<FeatureMaps, 2> maps;
    for (std::int64_t half = 0; half < 2; ++half) {
      const std::int64_t rows = others.hr.size(0) / 2;
      const auto of = [&](const at::Tensor& images) {
        return frozen_maps(*method, images.narrow(0, half * rows, rows))[level - 1];
      };
      std::vector<at::Tensor> lr;
      for (const at::Tensor& copies : others.lr) lr.push_back(of(copies));
      maps[static_cast<std::size_t>(half)] = {of(others.hr), at::cat(lr)};
    }
    return maps;
  };
  const auto accuracy_at = [&](std::size_t level) {
    const std::array<FeatureMaps, 2> maps = halves(level);
    const auto discriminator =
        fresh_discriminator(maps[0].hr, methods::DiscriminatorKind::kConvolutional, settings.seed);
    train_discriminator(*discriminator, maps[0], 120, settings.seed);
    return accuracy(*discriminator, maps[1]);
  };
  return {accuracy_at(4), accuracy_at(5), rank1_across_cameras(*method, others)};
}

//! The method without an adversary and with one at levels 4 and 5, LR copies unlabelled; prints both.
inline std::array<HeldOutScores, 2> without_and_with_adversary(const HeldOutSettings& settings) {
  experiments::RainOptions without{.adversary = methods::NoAdversary(),
                                   .supervision = methods::Supervision::kHrOnlyLabels};
  experiments::RainOptions with{.supervision = methods::Supervision::kHrOnlyLabels};
  const std::array<HeldOutScores, 2> scores{held_out_scores(without, settings), held_out_scores(with, settings)};
  for (std::size_t i = 0; i < 2; ++i)
    std::cout << fmt::format("seed {}, {} the adversary: HR told from LR on f4 {:.3f}, on f5 {:.3f}; rank-1 {:.3f}\n",
                             settings.seed, i == 0 ? "without" : "with", scores[i].accuracy4, scores[i].accuracy5,
                             scores[i].rank1);
  return scores;
}

}  // namespace resolute::workers::worker_tests
