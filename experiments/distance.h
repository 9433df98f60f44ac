#pragma once
//! \file
//! Which distance an evaluation's protocol asks of a method.

#include <string>

#include "experiments/specification.h"

namespace resolute::experiments {

//! EvaluationProtocol::distance with "default" replaced by what it means for the method; empty for a method that
//! compares by one embedding. Not held against distances_of(): check() does that.
std::string distance_asked(const EvaluationProtocol& protocol, const MethodOptions& method);

}  // namespace resolute::experiments
