//! \file
//! Gradients against central differences in float64 along random directions, one a tensor: of every loss, of D and G in
//! each of their kinds, and of whole steps of RAIN. The signs of the min-max game are held against eq. 1 itself.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>

#include "tests/workers/formula.h"
#include "workers/methods/method.h"
#include "workers/methods/rain_networks.h"
#include "workers/nn/losses.h"

namespace resolute::workers {
namespace {

using testing::numbers;
using Tensors = std::vector<std::pair<std::string, at::Tensor>>;

// A difference is spoilt where something changes sides within the step (a rectifier, |x|, a hinge): then a shorter step
// is tried. A wrong gradient agrees with none.
constexpr double kSteps[] = {1e-6, 1e-7, 2e-8};
constexpr double kTolerance = 1e-5;

at::Tensor wide(const std::string& name, at::IntArrayRef shape, double scale = 1.0) {
  return numbers(name, shape, scale).to(at::kDouble);
}

//! A direction of length 1 that depends on the name alone.
at::Tensor direction_for(const std::string& name, const at::Tensor& tensor) {
  const at::Tensor direction = wide(name + "/direction", tensor.sizes());
  return direction / direction.norm();
}

//! d/dt of `value` where `tensor` moves by t · direction, by a central difference; `tensor` is put back.
double slope(const std::function<at::Tensor()>& value, at::Tensor tensor, const at::Tensor& direction, double step) {
  at::NoGradGuard no_grad;
  const at::Tensor before = tensor.clone();
  tensor.add_(direction, step);
  const double above = value().item<double>();
  tensor.copy_(before).sub_(direction, step);
  const double below = value().item<double>();
  tensor.copy_(before);
  return (above - below) / (2 * step);
}

//! The gradient of `value` in each tensor against `factor` times the slope of `other` (of itself, if not given).
void expect_gradients(const std::function<at::Tensor()>& value, const Tensors& tensors, double factor = 1,
                      std::function<at::Tensor()> other = {}) {
  std::vector<at::Tensor> inputs;
  for (const auto& [name, tensor] : tensors) inputs.push_back(tensor);
  const auto gradients = torch::autograd::grad({value()}, inputs, {}, std::nullopt, false, /*allow_unused=*/true);
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const auto& [name, tensor] = tensors[i];
    const at::Tensor direction = direction_for(name, tensor);
    const double found = gradients[i].defined() ? (gradients[i] * direction).sum().item<double>() : 0.0;
    double expected = 0;
    bool agrees = false;
    for (std::size_t k = 0; k < std::size(kSteps) && !agrees; ++k) {
      expected = factor * slope(other ? other : value, tensor, direction, kSteps[k]);
      agrees = std::abs(found - expected) <= kTolerance * std::max(1e-2, std::abs(expected));
    }
    EXPECT_TRUE(agrees) << name << ": gradient " << found << ", difference " << expected;
  }
}

Tensors parameters_in(torch::nn::Module& module) {
  Tensors found;
  for (const auto& item : module.named_parameters()) found.emplace_back(item.key(), item.value());
  return found;
}

TEST(FiniteDifference, of_every_loss) {
  const at::Tensor labels = at::tensor(std::vector<std::int64_t>{0, 0, 1, 1, 1, 2, 3, 3}, at::kLong);
  const at::Tensor v = wide("v", {8, 6}, 2.0).requires_grad_(), logits = wide("logits", {8, 5}, 3.0).requires_grad_();
  const at::Tensor hr = wide("d_hr", {3, 1, 2, 2}, 4.0).requires_grad_();
  const at::Tensor lr = wide("d_lr", {4, 1, 2, 2}, 4.0).requires_grad_();
  const at::Tensor image = wide("image", {2, 3, 4, 3}).requires_grad_(), target = wide("target", {2, 3, 4, 3});
  core::RandomStream stream("mining", {1, 2, 3, 0});
  const Triplets drawn = sample_triplets(labels, stream), hardest = hardest_triplets(labels, v);

  for (double smoothing : {0.0, 0.1})
    expect_gradients([&] { return classification_loss(logits, labels, smoothing); }, {{"logits", logits}});
  expect_gradients([&] { return reconstruction_loss(image, target); }, {{"image", image}});
  expect_gradients([&] { return adversarial_value(hr, lr); }, {{"hr", hr}, {"lr", lr}});
  expect_gradients([&] { return non_saturating_loss(lr); }, {{"lr", lr}});
  for (const Triplets& triplets : {drawn, hardest})
    for (double margin : {0.3, 5.0}) expect_gradients([&] { return triplet_loss(v, triplets, margin); }, {{"v", v}});
}

TEST(FiniteDifference, of_both_discriminators) {
  for (const char* kind : {"convolutional", "pixelwise"}) {
    SCOPED_TRACE(kind);
    Discriminator discriminator(6, 8, kind);
    testing::fill_with_numbers(discriminator);
    discriminator.to(at::kDouble);
    const at::Tensor feature = wide("feature", {3, 6, 5, 4}, 2.0).requires_grad_();
    const at::Tensor weights = wide("weights", discriminator.forward(feature).sizes());
    auto value = [&] { return (discriminator.forward(feature) * weights).sum(); };
    Tensors tensors = parameters_in(discriminator);
    tensors.emplace_back("feature", feature);
    expect_gradients(value, tensors);
    expect_gradients([&] { return (discriminator.forward_frozen(feature) * weights).sum(); }, {{"feature", feature}});
  }
}

TEST(FiniteDifference, of_both_decoders) {
  const Backbone trunk(backbone_shape({.backbone = "resnet-small"}));
  for (const char* kind : {"nearest", "transposed"}) {
    SCOPED_TRACE(kind);
    Decoder decoder(trunk, kind);
    testing::fill_with_numbers(decoder);
    decoder.to(at::kDouble);
    const at::Tensor f5 = wide("f5", {3, 128, 3, 2}, 2.0).requires_grad_();
    const at::Tensor weights = wide("weights", {3, 3, 21, 13}, 0.1);  // an image whose surplus is cut
    Tensors tensors = parameters_in(decoder);
    tensors.emplace_back("f5", f5);
    expect_gradients([&] { return (decoder.forward(f5, 21, 13) * weights).sum(); }, tensors);
  }
}

//! A step of RAIN in float64: a method, a batch of which some rows lack an HR image or a label.
class RainStep : public ::testing::Test {
 protected:
  void make(const experiments::RainOptions& options, const std::string& bn_streams) {
    at::set_num_threads(1);
    experiments::TrainingSpecification asked;
    asked.method = options;
    asked.network = {.backbone = "resnet-small", .neck = true, .bn_streams = bn_streams};
    method_ = make_method(asked, 4);
    testing::fill_with_numbers(method_->module());
    method_->module().to(at::kDouble);
    auto images = [](const char* name) {
      return wide(name, {8, 3, 16, 8}, 1.5).contiguous(at::MemoryFormat::ChannelsLast);
    };
    batch_.hr = images("hr");
    batch_.lr = images("lr");
    batch_.labels = at::tensor(std::vector<std::int64_t>{0, 0, 1, 1, 2, -1, 3, -1}, at::kLong);
    batch_.has_label = batch_.labels >= 0;
    batch_.has_hr = at::tensor(std::vector<int>{1, 1, 1, 1, 1, 1, 0, 1}, at::kInt).to(at::kBool);
  }
  at::Tensor total(std::size_t phase) {
    at::Tensor sum = at::zeros({}, at::kDouble);
    const Activations activations = method_->forward(batch_);
    for (const LossTerm& term : method_->losses(phase, activations, batch_)) sum = sum + term.value;
    return sum;
  }
  //! Those of the group that a phase updates.
  Tensors parameters(std::size_t phase) {
    for (const ParameterGroup& group : method_->parameter_groups())
      if (group.name == method_->phases()[phase].group) return group.parameters;
    return {};
  }
  template <class Part>
  std::shared_ptr<Part> part(const std::string& name) {
    return std::dynamic_pointer_cast<Part>(method_->module().named_children()[name]);
  }
  //! eq. 1 at one level as the paper prints it: probabilities, logarithms, two expectations.
  at::Tensor equation_1(int level) {
    const at::Tensor with_hr = batch_.has_hr.nonzero().squeeze(1);
    const at::Tensor hr = batch_.hr.index_select(0, with_hr);
    const auto f = part<Backbone>("trunk")->forward(at::cat({hr, batch_.lr}))[static_cast<std::size_t>(level - 1)];
    const at::Tensor judged =
        at::sigmoid(part<Discriminator>("discriminator_level_" + std::to_string(level))->forward(f));
    return judged.narrow(0, 0, hr.size(0)).log().mean() +
           (1 - judged.narrow(0, hr.size(0), batch_.lr.size(0))).log().mean();
  }

  std::unique_ptr<Method> method_;
  LaneBatch batch_;
};

TEST_F(RainStep, has_the_gradients_of_its_totals) {
  const std::vector<std::pair<std::string, experiments::RainOptions>> every = {
      {"joint", {.levels = {1, 2, 3, 4, 5}, .margin = 1.0}},
      {"separate", {.levels = {2, 5}, .mining = "batch-hard", .adversary = "non-saturating"}},
      {"joint", {.levels = {3}, .updates = "simultaneous", .discriminator = "pixelwise", .decoder = "transposed"}},
      {"separate", {.levels = {}, .adversary = "off", .supervision = "hr-only-labels"}}};
  for (const auto& [bn_streams, options] : every) {
    SCOPED_TRACE(fmt::format("levels [{}], {}", fmt::join(options.levels, ", "), bn_streams));
    make(options, bn_streams);
    for (std::size_t phase = 0; phase < method_->phases().size(); ++phase) {
      Tensors tensors = parameters(phase);
      const bool last = phase + 1 == method_->phases().size();
      if (last) tensors.insert(tensors.end(), {{"hr", batch_.hr.requires_grad_()}, {"lr", batch_.lr.requires_grad_()}});
      expect_gradients([&] { return total(phase); }, tensors);
    }
  }
}

TEST_F(RainStep, plays_the_min_max_game_of_equation_1) {
  for (const auto& [updates, level] : {std::pair{"alternating", 5}, std::pair{"simultaneous", 1}}) {
    SCOPED_TRACE(updates);
    make({.levels = {level}, .classification = false, .triplet = false, .reconstruction = false, .updates = updates},
         "joint");
    auto value = [&] { return equation_1(level); };
    expect_gradients([&] { return total(0); }, parameters(0), /*factor=*/-1, value);  // D climbs
    expect_gradients([&] { return total(1); }, parameters(1), /*factor=*/1, value);   // F descends
    // As steps: D's raises eq. 1, F's lowers it.
    for (const auto& [phase, rises] : {std::pair{0U, true}, std::pair{1U, false}}) {
      const double before = value().item<double>();
      std::vector<at::Tensor> moved;
      for (const auto& [name, parameter] : parameters(phase)) moved.push_back(parameter);
      const auto gradients = torch::autograd::grad({total(phase)}, moved, {}, std::nullopt, false, true);
      at::NoGradGuard no_grad;
      for (std::size_t i = 0; i < moved.size(); ++i)
        if (gradients[i].defined()) moved[i].sub_(gradients[i], 1e-3);
      EXPECT_EQ(value().item<double>() > before, rises);
    }
  }
}

}  // namespace
}  // namespace resolute::workers
