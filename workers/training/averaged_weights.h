#pragma once
//! \file
//! An exponential moving average of a training's weights (Recipe::ema), as torch.optim.swa_utils.AveragedModel with
//! get_ema_multi_avg_fn and use_buffers: parameters and buffers of floating point. Every element is computed by itself,
//! so nothing depends on lanes or process ranks.

#include <string>
#include <vector>

#include "networks/torch.h"
#include "networks/weights/safetensors.h"
#include "workers/training/checkpoint.h"

namespace resolute::workers {

class AveragedWeights {
 public:
  //! \param module whose tensors stay where they are; outlives the average \param decay 0 to 1
  AveragedWeights(const torch::nn::Module& module, double decay) : decay_(decay) {
    networks::NamedTensors tensors;
    list_module(module, "", tensors);
    for (const auto& [name, tensor] : tensors) {
      if (!tensor.is_floating_point()) continue;  // a count
      names_.push_back(name);
      live_.push_back(tensor);
      averages_.push_back(tensor.clone());
    }
  }

  //! Takes in the weights as they stand behind a step. \param first the average begins with them
  void take(bool first) {
    const at::NoGradGuard no_grad;
    if (first)
      at::_foreach_copy_(averages_, live_);
    else
      at::_foreach_lerp_(averages_, live_, 1 - decay_);
  }

  //! The module has the average, and this keeps the module's weights: until the next call.
  void swap() {
    const at::NoGradGuard no_grad;
    for (std::size_t i = 0; i < live_.size(); ++i) {
      const at::Tensor kept = live_[i].clone();
      live_[i].copy_(averages_[i]);
      averages_[i].copy_(kept);
    }
  }

  //! The live tensors under `prefix` + name.
  void list(const std::string& prefix, networks::NamedTensors& to) const {
    for (std::size_t i = 0; i < names_.size(); ++i) to[prefix + names_[i]] = averages_[i];
  }
  //! \throws RuntimeError (kCorrupt) if one is missing or does not fit
  void load(const std::string& prefix, const networks::NamedTensors& from) {
    for (std::size_t i = 0; i < names_.size(); ++i) load_tensor(averages_[i], prefix + names_[i], from, "checkpoint");
  }

 private:
  double decay_;
  std::vector<std::string> names_;
  std::vector<at::Tensor> live_, averages_;  // of each name
};

}  // namespace resolute::workers
