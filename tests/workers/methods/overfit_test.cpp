//! Each method learns eight made-up people by heart. Labels are learnt if the nearest other image of the batch, LR
//! against HR where the method sees LR images, shows the same person.
#include <gtest/gtest.h>

#include "tests/workers/methods/small_training.h"

namespace resolute::workers {
namespace {

double nearest_is_right(Method& method, const at::Tensor& query, const at::Tensor& gallery, const at::Tensor& labels,
                        bool same_images) {
  at::Tensor distance = at::cdist(method.embed(query), method.embed(gallery), 2.0, 2);
  if (same_images) distance.fill_diagonal_(INFINITY);
  return (labels.index_select(0, distance.argmin(1)) == labels).to(at::kDouble).mean().item<double>();
}

experiments::TrainingSpecification quick(experiments::MethodOptions options) {
  auto specification = testing::small_specification(std::move(options));
  specification.recipe.learning_rate = 2e-3;
  return specification;
}

void train(Method& method, const LaneBatch& batch, int steps) {
  at::set_num_threads(1);
  testing::SmallTraining training(method);
  for (int step = 0; step < steps; ++step) training.step(batch);
}

TEST(Overfit, baseline) {
  auto method = make_method(quick(experiments::BaselineOptions{}), 8);
  const LaneBatch batch = testing::made_up_batch(8, 4, 32, 16);
  train(*method, batch, 60);
  EXPECT_EQ(nearest_is_right(*method, batch.hr, batch.hr, batch.labels, true), 1.0);
}

TEST(Overfit, rain) {
  auto method = make_method(quick(experiments::RainOptions{}), 8);
  const LaneBatch batch = testing::made_up_batch(8, 4, 32, 16);
  train(*method, batch, 60);
  EXPECT_EQ(nearest_is_right(*method, batch.hr, batch.hr, batch.labels, true), 1.0);
  EXPECT_EQ(nearest_is_right(*method, batch.lr, batch.hr, batch.labels, false), 1.0);
}

}  // namespace
}  // namespace resolute::workers
