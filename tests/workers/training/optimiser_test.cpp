#include "workers/training/optimiser.h"

#include <gtest/gtest.h>
#include <torch/nn/utils/clip_grad.h>
#include <torch/optim/adamw.h>
#include <torch/optim/sgd.h>

#include "core/error.h"
#include "core/random/random.h"

namespace resolute::workers::optimiser_test {
namespace {

at::Tensor random(core::RandomStream& stream, at::IntArrayRef shape) {
  at::Tensor values = at::empty(shape, at::kFloat);
  for (std::int64_t i = 0; i < values.numel(); ++i)
    values.mutable_data_ptr<float>()[i] = static_cast<float>(stream.normal());
  return values;
}

struct Pair {
  methods::ParameterGroup group;
  std::vector<at::Tensor> twins;
};

Pair make_pair(core::RandomStream& stream, methods::OptimiserOptions options) {
  Pair pair{{"g", {}, options}, {}};
  for (const auto& shape : std::vector<std::vector<std::int64_t>>{{4, 3, 3, 3}, {7}, {2, 5}}) {
    at::Tensor start = random(stream, shape);
    if (shape.size() == 4) start = start.contiguous(at::MemoryFormat::ChannelsLast);
    pair.group.parameters.emplace_back("p" + std::to_string(pair.twins.size()), start.clone().requires_grad_());
    pair.twins.push_back(start.clone().requires_grad_());
  }
  return pair;
}

std::vector<at::Tensor> gradients_for(core::RandomStream& stream, const methods::ParameterGroup& group) {
  std::vector<at::Tensor> gradients;
  for (const auto& [name, parameter] : group.parameters)
    gradients.push_back(at::empty_like(parameter.detach()).copy_(random(stream, parameter.sizes())));
  return gradients;
}

at::Tensor norm_of(const std::vector<at::Tensor>& gradients) {
  double sum = 0;
  for (const at::Tensor& gradient : gradients) sum += gradient.to(at::kDouble).square().sum().item<double>();
  return at::scalar_tensor(std::sqrt(sum), at::kDouble);
}

std::vector<at::Tensor> copies(const std::vector<at::Tensor>& tensors) {
  std::vector<at::Tensor> copies;
  for (const at::Tensor& tensor : tensors) copies.push_back(tensor.clone());
  return copies;
}

void step(Optimiser& optimiser, const std::vector<at::Tensor>& gradients, double factor = 1.0) {
  optimiser.step(copies(gradients), norm_of(gradients), factor);
}

void expect_close(const Pair& pair) {
  for (std::size_t i = 0; i < pair.twins.size(); ++i)
    EXPECT_LT((pair.twins[i] - pair.group.parameters[i].second).abs().max().item<float>(), 1e-6) << i;
}

void expect_close_after(int rounds, Pair& pair, Optimiser& ours, torch::optim::Optimizer& twin,
                        core::RandomStream& stream) {
  for (int round = 0; round < rounds; ++round) {
    const auto gradients = gradients_for(stream, pair.group);
    for (std::size_t i = 0; i < pair.twins.size(); ++i) pair.twins[i].mutable_grad() = gradients[i].clone();
    twin.step();
    step(ours, gradients);
  }
  expect_close(pair);
}

// Momentum and decay would both move it.
TEST(Optimiser, of_a_group_that_rests_does_nothing_where_the_gradient_is_zero) {
  for (const auto& [rests, optimiser] :
       std::vector<std::pair<bool, settings::Optimiser>>{{false, settings::Optimiser::kAdam},
                                                         {true, settings::Optimiser::kAdam},
                                                         {false, settings::Optimiser::kSgd},
                                                         {true, settings::Optimiser::kAdamw},
                                                         {true, settings::Optimiser::kSgd}}) {
    core::RandomStream stream("optimiser test", {1});
    Pair pair = make_pair(stream, {.learning_rate = 3e-3,
                                   .weight_decay = 1e-2,
                                   .gradient_clip = 1,
                                   .rests = rests,
                                   .optimiser = optimiser,
                                   .momentum = 0.9});
    Optimiser ours(pair.group);
    const auto gradients = gradients_for(stream, pair.group);
    step(ours, gradients);
    networks::NamedTensors before;
    ours.save(before);
    for (auto& [name, tensor] : before) tensor = tensor.clone();
    std::vector<at::Tensor> parameters, zeros;
    for (const auto& [name, parameter] : pair.group.parameters) {
      parameters.push_back(parameter.detach().clone());
      zeros.push_back(at::zeros_like(parameter.detach()));
    }
    step(ours, zeros);
    networks::NamedTensors after;
    ours.save(after);
    for (const auto& [name, tensor] : before) EXPECT_EQ(rests, at::equal(tensor, after.at(name))) << name;
    for (std::size_t i = 0; i < parameters.size(); ++i)
      EXPECT_EQ(rests, at::equal(parameters[i], pair.group.parameters[i].second)) << i;
    // It goes on as if that step had not been.
    step(ours, gradients);
    EXPECT_EQ(rests ? 2.0F : 3.0F, after.at("optimiser.g.steps").item<float>());
  }
}

TEST(Adam, equals_torch_optim_adam) {
  core::RandomStream stream("optimiser test", {});
  Pair pair = make_pair(stream, {.learning_rate = 3e-3, .beta1 = 0.5, .beta2 = 0.99, .weight_decay = 1e-2});
  torch::optim::Adam twin(pair.twins, torch::optim::AdamOptions(3e-3).betas({0.5, 0.99}).weight_decay(1e-2));
  Optimiser ours(pair.group);
  expect_close_after(50, pair, ours, twin, stream);
}

TEST(Adamw, equals_torch_optim_adamw) {
  core::RandomStream stream("optimiser test", {7});
  Pair pair = make_pair(
      stream, {.learning_rate = 3e-3, .beta1 = 0.8, .weight_decay = 0.3, .optimiser = settings::Optimiser::kAdamw});
  torch::optim::AdamW twin(pair.twins, torch::optim::AdamWOptions(3e-3).betas({0.8, 0.999}).weight_decay(0.3));
  Optimiser ours(pair.group);
  expect_close_after(20, pair, ours, twin, stream);
}

TEST(Adamw, decays_by_the_schedules_rate_whatever_the_gradient) {
  core::RandomStream stream("optimiser test", {8});
  Pair pair = make_pair(stream, {.learning_rate = 0.1, .weight_decay = 0.5, .optimiser = settings::Optimiser::kAdamw});
  std::vector<at::Tensor> zeros;
  for (const auto& [name, parameter] : pair.group.parameters) zeros.push_back(at::zeros_like(parameter.detach()));
  Optimiser ours(pair.group);
  step(ours, zeros, 0.2);
  for (at::Tensor& twin : pair.twins) twin = twin.detach() * (1 - 0.2 * 0.1 * 0.5);
  expect_close(pair);
}

struct SgdCase {
  double momentum;
  bool nesterov;
};

TEST(Sgd, equals_torch_optim_sgd) {
  for (const SgdCase& of : {SgdCase{0, false}, SgdCase{0.9, false}, SgdCase{0.9, true}}) {
    core::RandomStream stream("optimiser test", {9});
    Pair pair = make_pair(stream, {.learning_rate = 0.05,
                                   .weight_decay = 1e-2,
                                   .optimiser = settings::Optimiser::kSgd,
                                   .momentum = of.momentum,
                                   .nesterov = of.nesterov});
    torch::optim::SGD twin(
        pair.twins, torch::optim::SGDOptions(0.05).momentum(of.momentum).nesterov(of.nesterov).weight_decay(1e-2));
    Optimiser ours(pair.group);
    expect_close_after(20, pair, ours, twin, stream);
  }
}

TEST(Optimiser, steps_each_parameter_by_a_rate_of_its_own) {
  const std::vector<double> factors = {0.1, 1, 0.1};
  core::RandomStream stream("optimiser test", {11});
  Pair pair = make_pair(
      stream,
      {.learning_rate = 3e-3, .weight_decay = 0.2, .decay_vectors = false, .optimiser = settings::Optimiser::kAdamw});
  std::vector<torch::optim::OptimizerParamGroup> groups;
  for (std::size_t i = 0; i < pair.twins.size(); ++i)
    groups.emplace_back(
        std::vector<at::Tensor>{pair.twins[i]},
        std::make_unique<torch::optim::AdamWOptions>(
            torch::optim::AdamWOptions(3e-3 * factors[i]).weight_decay(pair.twins[i].dim() > 1 ? 0.2 : 0)));
  torch::optim::AdamW twin(groups, torch::optim::AdamWOptions(3e-3));
  Optimiser ours(pair.group, factors);
  expect_close_after(20, pair, ours, twin, stream);
}

// The numbers that plans count with (settings::moments).
TEST(Optimiser, keeps_as_many_numbers_of_a_parameter_as_the_recipe_says) {
  for (const settings::Optimiser optimiser :
       {settings::Optimiser::kAdam, settings::Optimiser::kAdamw, settings::Optimiser::kSgd})
    for (const double momentum : {0.0, 0.9}) {
      const settings::Recipe recipe{.optimiser = optimiser, .momentum = momentum, .milestones = {}};
      core::RandomStream stream("optimiser test", {10});
      const Pair pair = make_pair(stream, methods::optimiser_options(recipe));
      networks::NamedTensors saved;
      Optimiser(pair.group).save(saved);
      EXPECT_EQ(1 + pair.twins.size() * static_cast<std::size_t>(settings::moments(recipe)), saved.size());
    }
}

TEST(Adam, leaves_biases_and_batch_norms_undecayed_where_asked) {
  core::RandomStream stream("optimiser test", {4});
  Pair pair = make_pair(stream, {.learning_rate = 3e-3, .weight_decay = 1e-1, .decay_vectors = false});
  std::vector<torch::optim::OptimizerParamGroup> groups;
  for (const at::Tensor& twin : pair.twins)
    groups.emplace_back(std::vector<at::Tensor>{twin},
                        std::make_unique<torch::optim::AdamOptions>(
                            torch::optim::AdamOptions(3e-3).weight_decay(twin.dim() > 1 ? 1e-1 : 0)));
  torch::optim::Adam twin(groups, torch::optim::AdamOptions(3e-3));
  Optimiser ours(pair.group);
  expect_close_after(20, pair, ours, twin, stream);
}

TEST(Adam, clips_as_clip_grad_norm_does) {
  core::RandomStream stream("optimiser test", {5});
  // A limit between the norms of the two kinds of gradients: one kind is cut, the other is not.
  Pair pair = make_pair(stream, {.learning_rate = 3e-3, .gradient_clip = 5});
  torch::optim::Adam twin(pair.twins, torch::optim::AdamOptions(3e-3));
  Optimiser ours(pair.group);
  for (int round = 0; round < 20; ++round) {
    auto gradients = gradients_for(stream, pair.group);
    for (at::Tensor& gradient : gradients) gradient.mul_(round % 2 == 0 ? 0.1 : 10);
    for (std::size_t i = 0; i < pair.twins.size(); ++i) pair.twins[i].mutable_grad() = gradients[i].clone();
    EXPECT_EQ(round % 2 == 1, torch::nn::utils::clip_grad_norm_(pair.twins, 5.0) > 5.0);
    twin.step();
    step(ours, gradients);
  }
  expect_close(pair);
}

class Kind : public testing::TestWithParam<settings::Optimiser> {};
INSTANTIATE_TEST_SUITE_P(Optimiser, Kind,
                         testing::Values(settings::Optimiser::kAdam, settings::Optimiser::kAdamw,
                                         settings::Optimiser::kSgd));

TEST_P(Kind, from_a_norm_that_is_not_finite_on_nothing_changes) {
  core::RandomStream stream("optimiser test", {6});
  Pair pair =
      make_pair(stream, {.learning_rate = 1e-2, .weight_decay = 1e-2, .optimiser = GetParam(), .momentum = 0.9});
  Optimiser ours(pair.group);
  step(ours, gradients_for(stream, pair.group));
  networks::NamedTensors saved;
  ours.save(saved);
  for (auto& [name, tensor] : saved) tensor = tensor.clone();
  std::vector<at::Tensor> before;
  for (const auto& [name, parameter] : pair.group.parameters) before.push_back(parameter.detach().clone());
  ours.step(gradients_for(stream, pair.group), at::scalar_tensor(std::nan(""), at::kDouble), 1.0);
  step(ours, gradients_for(stream, pair.group));  // queued before the host knew
  networks::NamedTensors after;
  ours.save(after);
  for (const auto& [name, tensor] : after) EXPECT_TRUE(at::equal(saved.at(name), tensor)) << name;
  for (std::size_t i = 0; i < before.size(); ++i) EXPECT_TRUE(at::equal(before[i], pair.group.parameters[i].second));
  ours.load(saved);
  step(ours, gradients_for(stream, pair.group));
  for (std::size_t i = 0; i < before.size(); ++i) EXPECT_FALSE(at::equal(before[i], pair.group.parameters[i].second));
}

TEST_P(Kind, goes_on_from_saved_state_with_the_same_bits) {
  core::RandomStream stream("optimiser test", {1});
  Pair pair =
      make_pair(stream, {.learning_rate = 1e-2, .weight_decay = 1e-2, .optimiser = GetParam(), .momentum = 0.9});
  Optimiser ours(pair.group);
  const auto gradients = gradients_for(stream, pair.group);
  step(ours, gradients);
  networks::NamedTensors saved;
  ours.save(saved);
  for (auto& [name, tensor] : saved) tensor = tensor.clone();
  methods::ParameterGroup again{"g", {}, pair.group.optimiser};
  for (const auto& [name, parameter] : pair.group.parameters)
    again.parameters.emplace_back(name, parameter.detach().clone());
  step(ours, gradients, 0.5);
  Optimiser resumed(again);
  resumed.load(saved);
  step(resumed, gradients, 0.5);
  for (std::size_t i = 0; i < again.parameters.size(); ++i)
    EXPECT_TRUE(at::equal(again.parameters[i].second, pair.group.parameters[i].second));
}

TEST(Adam, refuses_state_of_another_shape) {
  core::RandomStream stream("optimiser test", {2});
  Optimiser ours(make_pair(stream, {}).group);
  networks::NamedTensors saved;
  ours.save(saved);
  saved["optimiser.g.p1.moment1"] = at::zeros({6});
  EXPECT_THROW(ours.load(saved), core::RuntimeError);
}

TEST(Schedule, warms_up_and_steps_down) {
  experiments::Recipe recipe{.warmup_steps = 10, .milestones = {20, 30}, .gamma = 0.1};
  EXPECT_DOUBLE_EQ(0.01, schedule_factor(recipe, 0));
  EXPECT_DOUBLE_EQ(0.01 + 0.99 * 0.5, schedule_factor(recipe, 5));
  EXPECT_DOUBLE_EQ(1.0, schedule_factor(recipe, 10));
  EXPECT_DOUBLE_EQ(1.0, schedule_factor(recipe, 19));
  EXPECT_DOUBLE_EQ(0.1, schedule_factor(recipe, 20));
  EXPECT_NEAR(0.01, schedule_factor(recipe, 30), 1e-12);
}

// The closed forms of torch.optim.lr_scheduler.LinearLR (1 to 0) and PolynomialLR; tests/python/recipe_test.py compares
// the same ones with PyTorch.
TEST(Schedule, falls_to_nothing_along_a_line_or_a_polynomial_or_stays) {
  experiments::Recipe recipe{.steps = 50, .warmup_steps = 10, .milestones = {}, .power = 2};
  const auto factor = [&](settings::Schedule schedule, std::uint64_t step) {
    recipe.schedule = schedule;
    return schedule_factor(recipe, step);
  };
  for (const auto schedule :
       {settings::Schedule::kConstant, settings::Schedule::kLinear, settings::Schedule::kPolynomial}) {
    EXPECT_DOUBLE_EQ(0.01 + 0.99 * 0.9, factor(schedule, 9));
    EXPECT_DOUBLE_EQ(1.0, factor(schedule, 10));
  }
  for (const std::uint64_t step : {11U, 30U, 49U}) {
    const double left = static_cast<double>(50 - step) / 40;
    EXPECT_DOUBLE_EQ(1.0, factor(settings::Schedule::kConstant, step));
    EXPECT_NEAR(left, factor(settings::Schedule::kLinear, step), 1e-12);
    EXPECT_NEAR(left * left, factor(settings::Schedule::kPolynomial, step), 1e-12);
  }
  recipe.power = 0.9;
  EXPECT_NEAR(std::pow(0.25, 0.9), factor(settings::Schedule::kPolynomial, 40), 1e-12);
}

TEST(Schedule, follows_half_a_cosine_after_the_warm_up) {
  const experiments::Recipe recipe{
      .steps = 50, .warmup_steps = 10, .schedule = settings::Schedule::kCosine, .milestones = {}};
  EXPECT_DOUBLE_EQ(0.01 + 0.99 * 0.9, schedule_factor(recipe, 9));
  EXPECT_DOUBLE_EQ(1.0, schedule_factor(recipe, 10));
  EXPECT_NEAR(0.5, schedule_factor(recipe, 30), 1e-12);
  EXPECT_LT(schedule_factor(recipe, 49), 0.002);
  EXPECT_GT(schedule_factor(recipe, 49), 0);
}

}  // namespace
}  // namespace resolute::workers::optimiser_test
