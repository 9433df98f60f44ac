#pragma once
//! \file
//! Adam over one parameter group, and the schedule of its rate.
//! Source: Kingma and Ba, "Adam", ICLR 2015, algorithm 1; weight decay added to the gradient, as torch.optim.Adam does.

#include <cstdint>
#include <string>

#include "experiments/specification.h"
#include "workers/methods/method.h"
#include "workers/safetensors.h"

namespace resolute::workers {

//! What the recipe multiplies a learning rate with in a step: linear warm-up from 1/100 over warmup_steps, then gamma
//! for each milestone reached. \param step 0 for the first optimiser step
double schedule_factor(const experiments::Recipe& recipe, std::uint64_t step);

//! One group's optimiser. Its parameters are updated in place, in the group's order, from one flat gradient; every
//! arithmetic step is elementwise over the whole group, so nothing depends on threads, lanes or process ranks.
class Adam {
 public:
  //! \param group keeps handles on the group's parameters
  explicit Adam(ParameterGroup group);
  const std::string& name() const { return group_.name; }
  //! Elements of all parameters together.
  std::int64_t elements() const { return elements_; }
  const ParameterGroup& group() const { return group_; }

  //! One step. \param gradient float32, flat, parameters in order, each row-major; overwritten
  //! \param factor multiplies the rate if the group follows the schedule
  void step(at::Tensor gradient, double factor);

  //! The gradients that a backward pass left in the parameters as one flat vector (zeros where it left none), taken
  //! from them. \param tail further elements that the vector gets room for at its end
  at::Tensor take_gradients(std::int64_t tail) const;

  //! Moments by name (`optimiser.GROUP.PARAMETER.moment1`) and the number of steps taken; copies.
  void save(NamedTensors& to) const;
  //! \throws RuntimeError (kCorrupt) if one is missing or has another size
  void load(const NamedTensors& from);

 private:
  template <class Visit>
  void for_each_slice(Visit visit) const;

  ParameterGroup group_;
  std::int64_t elements_ = 0;
  std::int64_t steps_ = 0;
  at::Tensor moment1_;
  at::Tensor moment2_;
};

}  // namespace resolute::workers
