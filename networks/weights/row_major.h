#pragma once
//! \file
//! A tensor's elements as a file holds them: row-major, whatever their order in memory and wherever they are.

#include <cstddef>
#include <span>

#include "networks/torch.h"

namespace resolute::networks {

//! Copies a tensor's elements to `to`, of nbytes() bytes and at any address, in row-major order; when it returns, the
//! tensor may change. Any device, any strides; contiguous and channels-last ones on the CPU at the speed of memory.
void copy_row_major(const at::Tensor& tensor, std::span<std::byte> to);

}  // namespace resolute::networks
