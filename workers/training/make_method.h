#pragma once
//! \file
//! Makes a method of a specification.

#include <memory>

#include "experiments/specification/specification.h"
#include "methods/networks/method.h"

namespace resolute::workers {

//! The method of a training, on the CPU, in training mode, channels-last, its weights drawn from RandomStreams keyed by
//! (specification.seed, parameter name): libtorch's own generators never advance.
//! \param classes identities in the training split, at least 2
//! \throws RuntimeError (kInput) for what experiments::validate() refuses as far as a method reads it
std::unique_ptr<methods::Method> make_method(const experiments::TrainingSpecification& specification, int classes);

}  // namespace resolute::workers
