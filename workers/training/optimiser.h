#pragma once
//! \file
//! The optimiser of one parameter group, and the schedule of its rate.
//! Sources: Kingma and Ba, "Adam", ICLR 2015, algorithm 1; weight decay added to the gradient, as torch.optim.Adam
//! does. Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, as torch.optim.AdamW. Sutskever et
//! al., "On the importance of initialization and momentum in deep learning", ICML 2013, as torch.optim.SGD without
//! dampening.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "experiments/specification/specification.h"
#include "methods/networks/method.h"
#include "networks/weights/safetensors.h"

namespace resolute::workers {

//! The factor of the recipe's learning rate in a step: linear warm-up from 1/100 over warmup_steps, then as
//! torch.optim.lr_scheduler has it: gamma for each milestone reached, 1, or from 1 to 0 over the steps that are left by
//! half a period of a cosine, a line or a polynomial.
//! \param step 0 for the first optimiser step
double schedule_factor(const experiments::Recipe& recipe, std::uint64_t step);

//! The factor of the rate of each of the group's parameters: the recipe's for trunks and their levels, 1 for the
//! others. \param root the module that the parameters are of; each trunk in it is a ShallowTrunk
std::vector<double> rate_factors(const torch::nn::Module& root, const methods::ParameterGroup& group,
                                 const experiments::Recipe& recipe);

//! One group's optimiser. Parameters are updated in place by libtorch's fused kernel, one pass over memory; every
//! element is computed by itself, so nothing depends on lanes or process ranks.
class Optimiser {
 public:
  //! \param group keeps handles on the group's parameters: float32, of one device \param factors of the rate, of each
  //! parameter; empty: 1
  explicit Optimiser(methods::ParameterGroup group, const std::vector<double>& factors = {});
  const std::string& name() const { return group_.name; }
  const methods::ParameterGroup& group() const { return group_; }

  //! One step; none at all from the first norm on that is not finite: parameters and moments are left as they are, on a
  //! GPU too, where the host learns of it one step later. load() begins anew. With OptimiserOptions::rests nothing
  //! happens where the norm is 0. It is that of all lanes, so all ranks decide alike. \param gradients one a parameter,
  //! its shape and strides; may be overwritten \param norm float64 scalar, of all gradients \param factor multiplies
  //! the rate if the group follows the schedule
  void step(const std::vector<at::Tensor>& gradients, const at::Tensor& norm, double factor);

  //! Moments by name (`optimiser.GROUP.PARAMETER.moment1`) and the number of steps taken: the live tensors.
  void save(networks::NamedTensors& to) const;
  //! \throws RuntimeError (kCorrupt) if one is missing or has another size
  void load(const networks::NamedTensors& from);

 private:
  //! Parameters that are decayed and stepped alike, in the group's order.
  struct Part {
    double weight_decay = 0, factor = 1;
    std::vector<std::size_t> members;
    std::vector<at::Tensor> parameters, steps;
    std::vector<std::vector<at::Tensor>> moments;  // as in moments_
  };
  //! A number that is kept of each parameter.
  struct Moment {
    std::string name;
    std::vector<at::Tensor> of_parameters;
  };
  Part& part_of(double weight_decay, double factor);
  void step_part(const Part& part, const std::vector<at::Tensor>& gradients, double rate,
                 const std::optional<at::Tensor>& divisor, const at::Tensor& skip);

  methods::ParameterGroup group_;
  std::vector<Moment> moments_;
  std::vector<Part> parts_;
  at::Tensor finite_;  // bool scalar: all norms so far
  at::Tensor steps_;   // float32 scalar on the parameters' device, as the kernel wants it: exact up to 2^24
};

}  // namespace resolute::workers
