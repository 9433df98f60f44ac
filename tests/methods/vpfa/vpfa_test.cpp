//! \file
//! VPFA's map against its formulas, which are the authors' code's; its trunk stands still, and each level has a map.

#include "methods/vpfa/networks/vpfa.h"

#include <gtest/gtest.h>

#include "networks/nn/initialise.h"
#include "tests/methods/small_training.h"
#include "workers/training/make_method.h"

namespace resolute::workers::vpfa_test {
namespace {

using methods::FeatureMap;
using methods::VpfaOptions;

std::map<std::string, at::Tensor> tensors_of(const torch::nn::Module& module) {
  std::map<std::string, at::Tensor> tensors;
  for (const auto& entry : module.named_parameters()) tensors[entry.key()] = entry.value().detach().clone();
  for (const auto& entry : module.named_buffers()) tensors[entry.key()] = entry.value().detach().clone();
  return tensors;
}

// x + tanh(W₃ h₃ + b₃), h the layer norm and rectifier of W h + b, in double, element by element where torch has an
// operator for the whole.
at::Tensor moved_by_formula(const FeatureMap& map, const at::Tensor& features) {
  const auto tensors = tensors_of(map);
  const auto part_of = [&](const std::string& name, int layer, const char* part) {
    return tensors.at(name + std::to_string(layer) + "." + part).to(at::kDouble);
  };
  const at::Tensor x = features.to(at::kDouble);
  at::Tensor h = x;
  for (int layer = 0; layer < 3; ++layer) {
    h = at::matmul(h, part_of("linear", layer, "weight").t()) + part_of("linear", layer, "bias");
    const at::Tensor centred = h - h.sum(1, true) / h.size(1);
    h = centred / ((centred * centred).sum(1, true) / h.size(1) + 1e-5).sqrt();
    h = h * part_of("norm", layer, "weight") + part_of("norm", layer, "bias");
    h = at::where(h > 0, h, at::zeros_like(h));
  }
  const at::Tensor y = at::matmul(h, part_of("linear", 3, "weight").t()) + part_of("linear", 3, "bias");
  return x + (y.exp() - (-y).exp()) / (y.exp() + (-y).exp());
}

TEST(Vpfa, a_map_is_the_formula_of_the_authors_code) {
  FeatureMap map(48, 96);
  tests::fill_with_numbers(map);
  map.to(at::kDouble);
  const at::Tensor features = at::arange(48000, at::kDouble).mul(0.37).sin().mul(2).view({1000, 48});
  const at::Tensor moved = map.forward(features);
  EXPECT_LT((moved - moved_by_formula(map, features)).abs().max().item<double>(), 1e-6);
  EXPECT_GT((moved - features).abs().max().item<double>(), 0.1) << "it moves something";
  map.to(at::kFloat);
  EXPECT_LT((map.forward(features.to(at::kFloat)) - moved).abs().max().item<double>(), 1e-5);
  std::int64_t parameters = 0;
  for (const at::Tensor& one : FeatureMap(3840, 2048).parameters()) parameters += one.numel();
  EXPECT_EQ(2 * 3840 * 2048 + 3840 + 2048 + 2 * (2048 * 2048 + 2048) + 6 * 2048, parameters);
}

TEST(Vpfa, maps_learn_while_the_trunk_stands_still) {
  auto specification = worker_tests::small_specification(VpfaOptions{.hidden = 32});
  specification.recipe.learning_rate = 2e-3;
  const auto method = make_method(specification, 4);
  const auto before = tensors_of(method->module());
  worker_tests::SmallTraining training(*method);
  const methods::LaneBatch batch = worker_tests::made_up_batch(4, 2, 64, 32);
  const std::map<std::string, double> first = training.step(batch);
  std::map<std::string, double> last;
  for (int step = 0; step < 60; ++step) last = training.step(batch);
  ASSERT_EQ(3U, first.size());
  for (const auto& [term, loss] : first) EXPECT_LT(last.at(term), loss / 4) << term;
  for (const auto& [name, tensor] : tensors_of(method->module()))
    EXPECT_EQ(name.starts_with("trunk."), at::equal(before.at(name), tensor)) << name;
}

// An image of the highest level keeps its feature; one of a lower level is moved by that level's map.
TEST(Vpfa, each_level_has_a_map) {
  const auto made = worker_tests::made_up(VpfaOptions{.level_rates = {3, 2, 1}, .hidden = 16});
  auto& method = dynamic_cast<methods::Vpfa&>(*made);
  const at::Tensor images = worker_tests::made_up_batch(2, 2, 64, 32).hr;
  const auto embedded = [&](int level) {
    return method.embedder({.height = images.size(2), .width = images.size(3), .level = level})(images);
  };
  const at::Tensor features = embedded(0);
  EXPECT_TRUE(at::equal(features, embedded(3)));
  EXPECT_TRUE(at::allclose(features, method.embed(images), 1e-5, 1e-6));
  const auto maps = method.module().children();
  for (const int level : {1, 2}) {
    const auto map = std::dynamic_pointer_cast<FeatureMap>(maps.at(static_cast<std::size_t>(level)));
    ASSERT_TRUE(map);
    const at::NoGradGuard no_grad;
    EXPECT_TRUE(at::allclose(map->forward(features), embedded(level), 1e-5, 1e-6)) << level;
  }
  EXPECT_FALSE(at::equal(embedded(1), embedded(2)));
}

TEST(Vpfa, a_lane_without_hr_images_has_losses_of_zero) {
  const auto method = worker_tests::made_up(VpfaOptions{.hidden = 16});
  methods::LaneBatch batch = worker_tests::made_up_batch(2, 2, 64, 32);
  const auto terms_of = [&] { return method->losses(0, method->forward(batch), batch); };
  const std::vector<methods::LossTerm> all = terms_of();
  batch.has_hr = at::arange(4).remainder(2).eq(0);
  const std::vector<methods::LossTerm> half = terms_of();
  batch.has_hr = at::zeros({4}, at::kBool);
  for (const methods::LossTerm& term : terms_of()) {
    EXPECT_EQ(0, term.value.item<double>()) << term.name;
    EXPECT_TRUE(term.value.requires_grad());
  }
  for (std::size_t i = 0; i < all.size(); ++i)
    EXPECT_NE(all[i].value.item<double>(), half[i].value.item<double>()) << "rows without an HR image take no part";
}

}  // namespace
}  // namespace resolute::workers::vpfa_test
