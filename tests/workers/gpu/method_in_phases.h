#pragma once
//! \file
//! A method that tells the simulated accelerator which phase of a step it is in, so that kernels are counted by phase:
//! "forward", "losses", and what comes before the next forward pass: "rest".

#include "tests/support/accelerator/streams.h"
#include "workers/methods/method.h"

namespace resolute::workers::gpu_test {

class MethodInPhases final : public Method {
 public:
  explicit MethodInPhases(std::unique_ptr<Method> method) : Method(method->row()), method_(std::move(method)) {}
  torch::nn::Module& module() override { return method_->module(); }
  std::vector<ParameterGroup> parameter_groups() override { return method_->parameter_groups(); }
  std::vector<Phase> phases() const override { return method_->phases(); }
  Activations forward(const LaneBatch& batch) override {
    accelerator::streams().set_phase("forward");
    return method_->forward(batch);
  }
  std::vector<LossTerm> losses(std::size_t phase, const Activations& activations, const LaneBatch& batch) override {
    accelerator::streams().set_phase("losses");
    std::vector<LossTerm> terms = method_->losses(phase, activations, batch);
    accelerator::streams().set_phase("rest");
    return terms;
  }
  at::Tensor embed(const at::Tensor& images) override { return method_->embed(images); }
  int embedding_size() const override { return method_->embedding_size(); }

 private:
  std::unique_ptr<Method> method_;
};

}  // namespace resolute::workers::gpu_test
