#pragma once
//! \file
//! Range checks of each method's options, alone and against the rest of their training.

#include "experiments/specification.h"

namespace resolute::experiments {

//! The options by themselves. \throws MemberError (validation.h) for the first out of range
void check_options(const MethodOptions& method);

//! \param training pack, split, network and recipe in range
//! \throws MemberError (validation.h) for the first option out of range, or the first member that the method cannot
//! work with
void check_method(const TrainingSpecification& training);

}  // namespace resolute::experiments
