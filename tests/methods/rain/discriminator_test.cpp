//! Discriminators find nothing where there is nothing to find, by themselves and within a whole training, and find what
//! was planted.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "networks/nn/batch_norm.h"
#include "tests/methods/rain/fresh_discriminator.h"
#include "tests/methods/rendered_people.h"
#include "tests/methods/small_training.h"
#include "workers/training/make_method.h"

namespace resolute::workers::discriminator_test {
namespace {

using experiments::RainOptions;
using worker_tests::FeatureMaps;

// Maps like those of a rectified f4, of people whose channels differ in strength; `raised` is added to one channel.
at::Tensor drawn_maps(std::int64_t images, std::uint64_t key, double raised = 0) {
  core::RandomStream stream("feature maps", {key});
  const auto normal = [&](at::IntArrayRef shape) {
    at::Tensor values = at::empty(shape);
    for (float& value : std::span(values.mutable_data_ptr<float>(), static_cast<std::size_t>(values.numel())))
      value = static_cast<float>(stream.normal());
    return values;
  };
  at::Tensor maps = normal({images, 64, 1, 1}) + normal({images, 64, 6, 3});
  maps.select(1, 5).add_(raised);
  return at::relu(maps);
}

TEST(Discriminator, stays_at_chance_between_two_draws_of_one_distribution) {
  for (const auto kind : {methods::DiscriminatorKind::kConvolutional, methods::DiscriminatorKind::kPixelwise}) {
    const FeatureMaps seen{drawn_maps(256, 1), drawn_maps(256, 2)};
    const auto discriminator = worker_tests::fresh_discriminator(seen.hr, kind, 0);
    worker_tests::train_discriminator(*discriminator, seen, 200, 0);
    EXPECT_GT(worker_tests::accuracy(*discriminator, seen), 0.6) << kind << ": it learnt nothing by heart";
    EXPECT_NEAR(worker_tests::accuracy(*discriminator, {drawn_maps(1500, 3), drawn_maps(1500, 4)}), 0.5, 0.05) << kind;
  }
}

TEST(Discriminator, finds_a_planted_difference) {
  for (const auto kind : {methods::DiscriminatorKind::kConvolutional, methods::DiscriminatorKind::kPixelwise}) {
    const FeatureMaps seen{drawn_maps(256, 1, 4), drawn_maps(256, 2)};
    const auto discriminator = worker_tests::fresh_discriminator(seen.hr, kind, 0);
    worker_tests::train_discriminator(*discriminator, seen, 200, 0);
    EXPECT_GT(worker_tests::accuracy(*discriminator, {drawn_maps(1500, 3, 4), drawn_maps(1500, 4)}), 0.95) << kind;
  }
}

struct OwnScores {
  double accuracy = 0;  // of people never seen: the mean after steps 40, 45, … 60, for one step moves it by some 3 %
  double least_loss = 0;  // of the training's steps: −L_adv
};

// A whole training whose LR copies are at one rate, and its own discriminators of levels 4 and 5 asked about people it
// never saw: HR images against the copies of other images of the same people, normalised with the batch's statistics as
// in training.
std::vector<OwnScores> own_scores(int rate, double adversarial_weight) {
  worker_tests::RenderedSettings rendered{.identities = 16, .images = 8, .height = 48, .width = 24, .rates = {rate}};
  const worker_tests::RenderedPeople people = worker_tests::rendered_people(rendered);
  rendered.first = 1000;
  rendered.identities = 128;
  const worker_tests::RenderedPeople others = worker_tests::rendered_people(rendered);
  const at::Tensor first_of_camera = at::arange(others.hr.size(0)).remainder(4).lt(2);
  const at::Tensor hr = others.hr.index({first_of_camera}), lr = others.lr[0].index({first_of_camera.logical_not()});

  auto specification =
      worker_tests::small_specification(RainOptions{.adversary = methods::Adversary{.weight = adversarial_weight}});
  specification.recipe.learning_rate = 3e-4;
  specification.recipe.discriminator_learning_rate = 3e-3;
  const auto method = make_method(specification, people.identities);
  worker_tests::SmallTraining training(*method);
  std::vector<OwnScores> scores(2, {0, 100});
  const auto add_accuracy = [&](double part) {
    const at::NoGradGuard no_grad;
    const networks::RunningStatisticsHold hold;
    const std::vector<at::Tensor> maps =
        worker_tests::descendant<networks::Backbone>(*method, "trunk").forward(at::cat({hr, lr}));
    for (std::size_t i = 0; i < scores.size(); ++i) {
      const at::Tensor& both = maps[3 + i];
      scores[i].accuracy += part * worker_tests::accuracy(worker_tests::descendant<methods::Discriminator>(
                                                              *method, fmt::format("discriminator_level_{}", 4 + i)),
                                                          {both.slice(0, 0, hr.size(0)), both.slice(0, hr.size(0))});
    }
  };
  for (std::uint64_t step = 1; step <= 60; ++step) {
    const auto terms = training.step(worker_tests::drawn_batch(people, 8, 2, 0, step - 1));
    for (std::size_t i = 0; i < scores.size(); ++i)
      scores[i].least_loss = std::min(scores[i].least_loss, terms.at(fmt::format("discriminator_level_{}", 4 + i)));
    if (step >= 40 && step % 5 == 0) add_accuracy(1.0 / 5);
  }
  return scores;
}

// A copy at rate 1 is the image: −log D − log(1 − D) of one and the same logit is at least 2 ln 2, whatever D does.
TEST(Discriminator, of_a_whole_training_at_rate_1_stays_at_chance) {
  for (const OwnScores& scores : own_scores(1, 1)) {
    EXPECT_NEAR(scores.accuracy, 0.5, 0.05);
    EXPECT_GT(scores.least_loss, 2 * std::log(2.0) - 1e-4);
  }
}

TEST(Discriminator, of_a_whole_training_that_does_not_resist_tells_rate_8) {
  for (const OwnScores& scores : own_scores(8, 0)) {
    EXPECT_GT(scores.accuracy, 0.95);
    EXPECT_LT(scores.least_loss, 0.5);
  }
}

}  // namespace
}  // namespace resolute::workers::discriminator_test
