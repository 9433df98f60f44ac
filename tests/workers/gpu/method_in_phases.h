#pragma once
//! \file
//! A method that tells the simulated accelerator which phase of a step it is in, so that kernels are counted by phase:
//! "forward", "losses", and what comes before the next forward pass: "rest".

#include "methods/networks/method.h"
#include "tests/support/accelerator/streams.h"

namespace resolute::workers::gpu_test {

class MethodInPhases final : public methods::Method {
 public:
  explicit MethodInPhases(std::unique_ptr<methods::Method> method)
      : methods::Method(method->row()), method_(std::move(method)) {}
  torch::nn::Module& module() override { return method_->module(); }
  std::vector<methods::ParameterGroup> parameter_groups() override { return method_->parameter_groups(); }
  std::vector<methods::Phase> phases() const override { return method_->phases(); }
  methods::Activations forward(const methods::LaneBatch& batch) override {
    accelerator::streams().set_phase("forward");
    return method_->forward(batch);
  }
  std::vector<methods::LossTerm> losses(std::size_t phase, const methods::Activations& activations,
                                        const methods::LaneBatch& batch) override {
    accelerator::streams().set_phase("losses");
    std::vector<methods::LossTerm> terms = method_->losses(phase, activations, batch);
    accelerator::streams().set_phase("rest");
    return terms;
  }
  at::Tensor embed(const at::Tensor& images) override { return method_->embed(images); }
  int embedding_size() const override { return method_->embedding_size(); }

 private:
  std::unique_ptr<methods::Method> method_;
};

}  // namespace resolute::workers::gpu_test
