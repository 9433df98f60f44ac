#pragma once
//! \file
//! 64-bit digests of tensors' bytes, quick enough for every gradient of every step: what `resolute repro` compares.
//! They guard against accident, not against malice.

#include <vector>

#include "workers/torch.h"

namespace resolute::workers {

//! For each tensor an int64 scalar on its device. Tensors are float32 of one device, dense in memory; elements count in
//! the order in which they lie there. On the CPU XXH3, a tensor a thread; elsewhere a sum, modulo 2^64, of each
//! element's bits times an odd number of its place, which any order of additions gives alike. The two differ: digests
//! compare within a numeric class.
std::vector<at::Tensor> tensor_digests(const std::vector<at::Tensor>& tensors);

}  // namespace resolute::workers
