#pragma once
//! \file
//! A training step's parts, each of which can be run by itself (bench/methods/step_parts.h): what they begin with is
//! made once.

#include <ATen/autocast_mode.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/methods/method_cases.h"
#include "core/files/json.h"
#include "workers/torch.h"

namespace resolute::workers {

using TensorList = std::vector<at::Tensor>;
//! Which outputs each of several backward passes begins from.
using Passes = std::vector<std::vector<std::size_t>>;

//! A direct child of the method's module; null where it has none of that name and kind.
template <class Module>
std::shared_ptr<Module> child(Method& method, const std::string& name) {
  const auto children = method.module().named_children();
  return children.contains(name) ? std::dynamic_pointer_cast<Module>(children[name]) : nullptr;
}

//! As the Trainer's forward passes: bfloat16 in matrix products and convolutions, weights cast anew in every step.
//! \param precision "f32" or "bf16"
template <class Run>
TensorList in_precision(const std::string& precision, const Run& run) {
  const bool narrow = precision == "bf16";
  at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  at::autocast::set_autocast_enabled(at::kCPU, narrow);
  TensorList outputs = run();
  at::autocast::set_autocast_enabled(at::kCPU, false);
  return outputs;
}

//! Which parts there are depends on the method.
class TimedParts {
 public:
  //! The networks of FTWA, MSIFLA or resolution-adaptive representations, losses, gradients' sums and Adam.
  //! \param batch of a step, whose number decides which groups move
  TimedParts(Method& method, const LaneBatch& batch, const experiments::Recipe& recipe);
  //! Every part once.
  void run();
  //! [{"part", "seconds", "processor_seconds"}]: the shortest of all runs.
  core::Json times() const;
  //! Their sum.
  double processor_seconds() const;

 private:
  struct Part {
    std::string name;
    std::function<void()> run;
    Shortest time;
  };

  TensorList add(const std::string& name, const TensorList& inputs, bool differentiate_inputs,
                 const std::vector<std::shared_ptr<torch::nn::Module>>& modules,
                 std::function<TensorList(const TensorList&)> forward, Passes passes = {});
  void add_ftwa(Method& method, const LaneBatch& batch);
  void add_msifla(Method& method, const LaneBatch& batch);
  void add_resolution_adaptive(Method& method, const LaneBatch& batch);
  void add_losses(Method& method, const LaneBatch& batch);
  void add_optimiser(Method& method, std::uint64_t step);

  std::string precision_;
  std::vector<Part> parts_;
};

}  // namespace resolute::workers
