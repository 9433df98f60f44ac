#pragma once
//! \file
//! What methods of formulas have in common: nothing in them is trained.

#include <memory>
#include <vector>

#include "methods/networks/method.h"

namespace resolute::workers {

class UntrainedMethod : public methods::Method {
 public:
  using methods::Method::Method;
  torch::nn::Module& module() override { return *module_; }
  std::vector<methods::ParameterGroup> parameter_groups() override { return {}; }
  std::vector<methods::Phase> phases() const override { return {}; }
  methods::Activations forward(const methods::LaneBatch&) override { return {}; }
  std::vector<methods::LossTerm> losses(std::size_t, const methods::Activations&, const methods::LaneBatch&) override {
    return {};
  }

 private:
  std::shared_ptr<torch::nn::Module> module_ = [] {
    auto module = std::make_shared<torch::nn::Module>();
    module->register_parameter("none", at::zeros({1}));
    return module;
  }();
};

}  // namespace resolute::workers
