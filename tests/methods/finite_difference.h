#pragma once
//! \file
//! Gradients against central differences in float64 along random directions, one a tensor, and whole steps of a method
//! to take them of.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "methods/networks/method.h"
#include "tests/support/any_word.h"
#include "tests/support/formula.h"
#include "workers/training/make_method.h"

namespace resolute::workers::worker_tests {

using Tensors = std::vector<std::pair<std::string, at::Tensor>>;

// A difference is spoilt where something changes sides within the step (a rectifier, |x|, a hinge): then a shorter step
// is tried. A wrong gradient agrees with none.
inline constexpr double kSteps[] = {1e-6, 1e-7, 2e-8};
inline constexpr double kTolerance = 1e-5;

inline at::Tensor wide(const std::string& name, at::IntArrayRef shape, double scale = 1.0) {
  return tests::numbers(name, shape, scale).to(at::kDouble);
}

//! A direction of length 1 that depends on the name alone.
inline at::Tensor direction_for(const std::string& name, const at::Tensor& tensor) {
  const at::Tensor direction = wide(name + "/direction", tensor.sizes());
  return direction / direction.norm();
}

//! d/dt of `value` where `tensor` moves by t · direction, by a central difference; `tensor` is put back.
inline double slope(const std::function<at::Tensor()>& value, const at::Tensor& tensor, const at::Tensor& direction,
                    double step) {
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
inline void expect_gradients(const std::function<at::Tensor()>& value, const Tensors& tensors, double factor = 1,
                             const std::function<at::Tensor()>& other = {}) {
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

inline Tensors parameters_in(torch::nn::Module& module) {
  Tensors found;
  for (const auto& item : module.named_parameters()) found.emplace_back(item.key(), item.value());
  return found;
}

//! A step of a method in float64: four identities, of which some rows lack an HR image or a label.
class MethodStep : public ::testing::Test {
 protected:
  void make(const experiments::MethodOptions& options, const std::string& bn_streams) {
    experiments::TrainingSpecification asked;
    asked.method = options;
    asked.network = {.backbone = settings::Trunk::kResnetSmall, .neck = true, .bn_streams = tests::AnyWord(bn_streams)};
    method_ = make_method(asked, 4);
    tests::fill_with_numbers(method_->module());
    method_->module().to(at::kDouble);
  }
  //! \param labels -1 where a row has none
  void make_batch(const std::vector<std::int64_t>& labels, const std::vector<int>& has_hr, std::int64_t height = 16) {
    auto images = [&](const char* name) {
      return wide(name, {static_cast<std::int64_t>(labels.size()), 3, height, 8}, 1.5)
          .contiguous(at::MemoryFormat::ChannelsLast);
    };
    batch_.hr = images("hr");
    batch_.lr = images("lr");
    batch_.copies = {images("copies at rate 2"), images("copies at rate 3"), images("copies at rate 4")};
    std::vector<std::int64_t> rates;  // 1, 2, 3, 4, 1, …
    for (std::size_t row = 0; row < labels.size(); ++row) rates.push_back(1 + static_cast<std::int64_t>(row % 4));
    batch_.lr_rates = at::tensor(rates, at::kLong);
    batch_.labels = at::tensor(labels, at::kLong);
    batch_.has_label = batch_.labels >= 0;
    batch_.has_hr = at::tensor(has_hr, at::kInt).to(at::kBool);
  }
  at::Tensor total(std::size_t phase) {
    at::Tensor sum = at::zeros({}, at::kDouble);
    const methods::Activations activations = method_->forward(batch_);
    for (const methods::LossTerm& term : method_->losses(phase, activations, batch_)) sum = sum + term.value;
    return sum;
  }
  //! Those of the groups that a phase updates.
  Tensors parameters(std::size_t phase) {
    Tensors all;
    for (const methods::ParameterGroup& group : method_->parameter_groups())
      if (method_->phases()[phase].updates(group.name))
        all.insert(all.end(), group.parameters.begin(), group.parameters.end());
    return all;
  }

  std::unique_ptr<methods::Method> method_;
  methods::LaneBatch batch_;
};

}  // namespace resolute::workers::worker_tests
