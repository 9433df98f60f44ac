#pragma once
//! \file
//! What a training step of FTWA, MSIFLA or resolution-adaptive representations takes beside the sum of its parts, each
//! of which is measured by itself: what a step needs and does not compute shows in the ratio.

#include <cstdint>
#include <string>

#include "bench/methods/method_cases.h"
#include "core/files/json.h"

namespace resolute::workers {

//! The largest ratio of a step's time to the sum of its parts' that is good enough.
inline constexpr double kStepBar = 1.1;

//! {"parts": [{"part", "seconds", "processor_seconds"}], "step": {"seconds", "processor_seconds"}, "ratio"}: the
//! shortest of `turns` turns, in each of which every part is run once and then a step of the real Trainer; the ratio by
//! processor time. Parts, forward and backward, each on as many maps as in a step and on what comes from the part
//! before it; of FTWA E_H, E_L, E_ID and T; GAP; C and W; of MSIFLA every IR network with its two backward passes,
//! every re-ID network; of resolution-adaptive representations the trunk, its masks, the embedding and the classifier;
//! then the losses (verification with its MLP); last the gradients' sums and digests with Adam's step. Where parameters
//! move in windows of their own, steps are of the last window. \param measured a case of these methods with all its
//! networks
core::Json step_parts(const Case& measured, const Scale& scale, const std::string& precision, int turns);

//! Multiply-adds of T on the feature map of one image, N×3×H×W with N = 1; 0 for a method without T.
std::int64_t multiply_adds_of_transformation(Method& method, const at::Tensor& image);

}  // namespace resolute::workers
