#include "workers/optimiser.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/random.h"

namespace resolute::workers {
namespace {

at::Tensor random(core::RandomStream& stream, at::IntArrayRef shape) {
  at::Tensor values = at::empty(shape, at::kFloat);
  for (std::int64_t i = 0; i < values.numel(); ++i)
    values.mutable_data_ptr<float>()[i] = static_cast<float>(stream.normal());
  return values;
}

struct Pair {
  ParameterGroup group;
  std::vector<at::Tensor> twins;
};

Pair make_pair(core::RandomStream& stream, AdamOptions options) {
  Pair pair{{"g", {}, options}, {}};
  for (const auto& shape : std::vector<std::vector<std::int64_t>>{{4, 3, 3, 3}, {7}, {2, 5}}) {
    at::Tensor start = random(stream, shape);
    if (shape.size() == 4) start = start.contiguous(at::MemoryFormat::ChannelsLast);
    pair.group.parameters.emplace_back("p" + std::to_string(pair.twins.size()), start.clone().requires_grad_());
    pair.twins.push_back(start.clone().requires_grad_());
  }
  return pair;
}

TEST(Adam, equals_torch_optim_adam) {
  core::RandomStream stream("optimiser test", {});
  Pair pair = make_pair(stream, {.learning_rate = 3e-3, .beta1 = 0.5, .beta2 = 0.99, .weight_decay = 1e-2});
  torch::optim::Adam twin(pair.twins, torch::optim::AdamOptions(3e-3).betas({0.5, 0.99}).weight_decay(1e-2));
  Adam ours(pair.group);
  for (int step = 0; step < 50; ++step) {
    for (std::size_t i = 0; i < pair.twins.size(); ++i) {
      const at::Tensor gradient = random(stream, pair.twins[i].sizes());
      pair.twins[i].mutable_grad() = gradient.clone();
      pair.group.parameters[i].second.mutable_grad() = gradient.clone();
    }
    twin.step();
    ours.step(ours.take_gradients(0), 1.0);
  }
  for (std::size_t i = 0; i < pair.twins.size(); ++i)
    EXPECT_LT((pair.twins[i] - pair.group.parameters[i].second).abs().max().item<float>(), 1e-6) << i;
}

TEST(Adam, goes_on_from_saved_state_with_the_same_bits) {
  core::RandomStream stream("optimiser test", {1});
  Pair pair = make_pair(stream, {.learning_rate = 1e-2});
  Adam ours(pair.group);
  const at::Tensor gradient = random(stream, {ours.elements()});
  ours.step(gradient.clone(), 1.0);
  NamedTensors saved;
  ours.save(saved);
  std::vector<at::Tensor> between;
  for (const auto& [name, parameter] : pair.group.parameters) between.push_back(parameter.detach().clone());
  ours.step(gradient.clone(), 0.5);

  ParameterGroup again{"g", {}, pair.group.adam};
  for (std::size_t i = 0; i < between.size(); ++i)
    again.parameters.emplace_back(pair.group.parameters[i].first, between[i]);
  Adam resumed(again);
  resumed.load(saved);
  resumed.step(gradient.clone(), 0.5);
  for (std::size_t i = 0; i < between.size(); ++i) EXPECT_TRUE(at::equal(between[i], pair.group.parameters[i].second));
}

TEST(Adam, refuses_state_of_another_shape) {
  core::RandomStream stream("optimiser test", {2});
  Adam ours(make_pair(stream, {}).group);
  NamedTensors saved;
  ours.save(saved);
  saved["optimiser.g.p1.moment1"] = at::zeros({6});
  EXPECT_THROW(ours.load(saved), core::RuntimeError);
}

TEST(Adam, takes_gradients_once_and_zero_where_there_are_none) {
  core::RandomStream stream("optimiser test", {3});
  Pair pair = make_pair(stream, {});
  Adam ours(pair.group);
  pair.group.parameters[1].second.mutable_grad() = at::ones({7});
  EXPECT_EQ(7.0F, ours.take_gradients(2).narrow(0, 0, ours.elements()).sum().item<float>());
  EXPECT_EQ(0.0F, ours.take_gradients(0).sum().item<float>());
}

TEST(Schedule, warms_up_and_steps_down) {
  experiments::Recipe recipe;
  recipe.warmup_steps = 10;
  recipe.milestones = {20, 30};
  recipe.gamma = 0.1;
  EXPECT_DOUBLE_EQ(0.01, schedule_factor(recipe, 0));
  EXPECT_DOUBLE_EQ(0.01 + 0.99 * 0.5, schedule_factor(recipe, 5));
  EXPECT_DOUBLE_EQ(1.0, schedule_factor(recipe, 10));
  EXPECT_DOUBLE_EQ(1.0, schedule_factor(recipe, 19));
  EXPECT_DOUBLE_EQ(0.1, schedule_factor(recipe, 20));
  EXPECT_NEAR(0.01, schedule_factor(recipe, 30), 1e-12);
}

}  // namespace
}  // namespace resolute::workers
