//! Each method learns eight people by heart. Labels are learnt if the nearest other image, LR against HR where the
//! method sees LR images, shows the same person.
#include <gtest/gtest.h>

#include "methods/levels.h"
#include "tests/methods/rendered_people.h"
#include "tests/methods/small_training.h"
#include "tests/methods/whole_training.h"
#include "tests/support/any_word.h"
#include "workers/training/make_method.h"

namespace resolute::workers::overfit_test {
namespace {

double nearest_is_right(methods::Method& method, const at::Tensor& query, const at::Tensor& gallery,
                        const at::Tensor& labels, bool same_images) {
  at::Tensor distance = at::cdist(method.embed(query), method.embed(gallery), 2.0, 2);
  if (same_images) distance.fill_diagonal_(INFINITY);
  return (labels.index_select(0, distance.argmin(1)) == labels).to(at::kDouble).mean().item<double>();
}

experiments::TrainingSpecification quick(experiments::MethodOptions options) {
  auto specification = worker_tests::small_specification(std::move(options));
  specification.recipe.learning_rate = 2e-3;
  return specification;
}

void train(methods::Method& method, const methods::LaneBatch& batch, int steps) {
  worker_tests::SmallTraining training(method);
  for (int step = 0; step < steps; ++step) training.step(batch);
}

TEST(Overfit, baseline) {
  auto method = make_method(quick(experiments::BaselineOptions{}), 8);
  const methods::LaneBatch batch = worker_tests::made_up_batch(8, 4, 32, 16);
  train(*method, batch, 60);
  EXPECT_EQ(nearest_is_right(*method, batch.hr, batch.hr, batch.labels, true), 1.0);
}

TEST(Overfit, rain) {
  auto method = make_method(quick(experiments::RainOptions{}), 8);
  const methods::LaneBatch batch = worker_tests::made_up_batch(8, 4, 32, 16);
  train(*method, batch, 60);
  EXPECT_EQ(nearest_is_right(*method, batch.hr, batch.hr, batch.labels, true), 1.0);
  EXPECT_EQ(nearest_is_right(*method, batch.lr, batch.hr, batch.labels, false), 1.0);
}

// On two images of each of the eight people, their copies at drawn rates.
void train_whole(methods::Method& method, const experiments::Recipe& recipe,
                 const worker_tests::RenderedPeople& people) {
  const auto make = [&](std::uint64_t step, int) { return worker_tests::drawn_batch(people, 8, 2, 0, step); };
  worker_tests::train_whole(method, {{16}, make}, {.recipe = recipe});
}

// rank-1 of the LR copies of eight rendered people's images at rates 2, 3 and 4 against the HR images of the other
// camera, after a training on all of them by the trainer. D is three times as fast as the networks, as in the shipped
// suites: at the default rate a pixelwise D is left behind (its loss at 7) and the game learns nothing.
double rank1_by_heart(const experiments::RainOptions& options, int steps) {
  const worker_tests::RenderedPeople people =
      worker_tests::rendered_people({.identities = 8, .height = 48, .width = 24});
  experiments::TrainingSpecification specification = quick(options);
  specification.recipe.discriminator_learning_rate = 3 * specification.recipe.learning_rate;
  specification.recipe.steps = steps;
  specification.recipe.milestones = {40};
  const auto method = make_method(specification, people.identities);
  train_whole(*method, specification.recipe, people);
  return worker_tests::rank1_across_cameras(*method, people);
}

TEST(Overfit, rain_ranks_lr_queries_of_rendered_people_first) { EXPECT_EQ(rank1_by_heart({}, 60), 1.0); }

TEST(Overfit, an_untrained_rain_does_not) { EXPECT_LT(rank1_by_heart({}, 0), 0.6); }

TEST(Overfit, rain_with_simultaneous_updates) {
  EXPECT_EQ(rank1_by_heart({.adversary = methods::Adversary{.updates = methods::Updates::kSimultaneous}}, 60), 1.0);
}

TEST(Overfit, rain_with_pixelwise_discriminators_and_a_transposed_decoder) {
  EXPECT_EQ(rank1_by_heart({.adversary = methods::Adversary{.discriminator = methods::DiscriminatorKind::kPixelwise},
                            .decoder = methods::DecoderKind::kTransposed},
                           60),
            1.0);
}

// The same of MSIFLA; of a person's four images two stand in the batch as HR images and two as LR ones, drawn in each
// step.
double msifla_rank1_by_heart(const experiments::MsiflaOptions& options, int steps) {
  const worker_tests::RenderedPeople people =
      worker_tests::rendered_people({.identities = 8, .height = 48, .width = 24});
  const auto method = make_method(quick(options), people.identities);
  worker_tests::SmallTraining training(*method);
  for (int step = 0; step < steps; ++step) {
    methods::LaneBatch batch = worker_tests::drawn_batch(people, 8, 4, 0, static_cast<std::uint64_t>(step));
    worker_tests::drop_hr_images(batch, at::arange(32).remainder(4).lt(2));
    training.step(batch);
  }
  return worker_tests::rank1_across_cameras(*method, people);
}

TEST(Overfit, msifla_ranks_lr_queries_of_rendered_people_first) {
  const experiments::MsiflaOptions options{.scales = {2, 1}, .ir_width = 8};
  EXPECT_LT(msifla_rank1_by_heart(options, 0), 0.8);
  EXPECT_EQ(msifla_rank1_by_heart(options, 45), 1.0);
}

// rank-1 of LR queries at every rate by as many sub-vectors as their level has, against HR images of the other camera.
double rank1_of_known_levels(methods::Method& method, const worker_tests::RenderedPeople& people) {
  const auto embedded = [&](const at::Tensor& images, int level) {
    return method.embedder({.height = images.size(2), .width = images.size(3), .level = level})(images);
  };
  const std::int64_t rows = people.hr.size(0);
  const at::Tensor camera = at::arange(rows).remainder(people.images).remainder(2);
  const at::Tensor hidden = people.labels.unsqueeze(1).eq(people.labels).logical_and(camera.unsqueeze(1).eq(camera));
  const at::Tensor gallery = embedded(people.hr, 0);
  double sum = 0;
  for (std::size_t rate = 0; rate < people.lr.size(); ++rate) {
    const int level = methods::level_of_rate(method.tells().level_rates, people.rates[rate]);
    const std::int64_t length = method.compared_dimensions(level);
    const at::Tensor distance =
        at::cdist(embedded(people.lr[rate], level).narrow(1, 0, length), gallery.narrow(1, 0, length), 2.0, 2)
            .masked_fill(hidden, INFINITY);
    sum += people.labels.index_select(0, distance.argmin(1)).eq(people.labels).to(at::kDouble).mean().item<double>();
  }
  return sum / static_cast<double>(people.lr.size());
}

double adaptive_rank1_by_heart(const std::string& masks, int steps) {
  const worker_tests::RenderedPeople people =
      worker_tests::rendered_people({.identities = 8, .height = 48, .width = 24});
  experiments::ResolutionAdaptiveOptions options{
      .widths = {32, 32, 32, 32}, .masks = tests::AnyWord(masks), .verification_width = 64};
  options.mask_learning_rate = 2e-3;
  options.stage_steps = 8;
  experiments::TrainingSpecification specification = quick(options);
  specification.recipe.steps = steps;
  const auto method = make_method(specification, people.identities);
  train_whole(*method, specification.recipe, people);
  return rank1_of_known_levels(*method, people);
}

TEST(Overfit, resolution_adaptive_with_joint_masks_ranks_lr_queries_of_rendered_people_first) {
  EXPECT_LT(adaptive_rank1_by_heart("joint", 0), 0.6);
  EXPECT_EQ(adaptive_rank1_by_heart("joint", 60), 1.0);
}

// The last mask is reached in step 32: running statistics behind it need some thirty steps to forget the maps before.
TEST(Overfit, resolution_adaptive_with_progressive_masks_does_too) {
  EXPECT_EQ(adaptive_rank1_by_heart("progressive", 80), 1.0);
}

}  // namespace
}  // namespace resolute::workers::overfit_test
