#pragma once
//! \file
//! What methods of formulas have in common: nothing in them is trained.

#include <memory>
#include <vector>

#include "workers/methods/method.h"

namespace resolute::workers {

class UntrainedMethod : public Method {
 public:
  using Method::Method;
  torch::nn::Module& module() override { return *module_; }
  std::vector<ParameterGroup> parameter_groups() override { return {}; }
  std::vector<Phase> phases() const override { return {}; }
  Activations forward(const LaneBatch&) override { return {}; }
  std::vector<LossTerm> losses(std::size_t, const Activations&, const LaneBatch&) override { return {}; }

 private:
  std::shared_ptr<torch::nn::Module> module_ = [] {
    auto module = std::make_shared<torch::nn::Module>();
    module->register_parameter("none", at::zeros({1}));
    return module;
  }();
};

}  // namespace resolute::workers
