#pragma once
//! \file
//! 64-bit digests of tensors' bytes, quick enough for every gradient of every step: what `resolute repro` compares.
//! They guard against accident, not against malice.

#include <vector>

#include "networks/torch.h"

namespace resolute::workers {

//! The factors that a device multiplies bits by, one per place, and the ends of the tensors. Empty on the CPU.
struct DigestKeys {
  at::Tensor factors;  //!< int64, of all tensors' elements, one tensor behind the other
  at::Tensor last;     //!< int64, the place of each tensor's last element among them
};

//! For each tensor an int64 scalar on its device. Tensors are float32 of one device, dense in memory, not empty;
//! elements count in the order in which they lie there. On the CPU XXH3, a tensor a thread; elsewhere a sum, modulo
//! 2^64, of each element's bits times an odd number of its place, which any order of additions gives alike. The two
//! differ: digests compare within a numeric class. \param keys of the device's sum: made by the first call and used
//! again by others for tensors of the same sizes; its launches do not grow with the number of tensors
std::vector<at::Tensor> tensor_digests(const std::vector<at::Tensor>& tensors, DigestKeys& keys);

}  // namespace resolute::workers
