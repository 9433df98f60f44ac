#pragma once
//! \file
//! networks/kernels/norm_kernels.cu on the simulated accelerator: the text that a GPU's machine compiles, compiled for
//! the host. Blocks run one after another; the threads of a block are threads, which meet where the text says so.

#include <memory>

#include "networks/kernels/fused_norm.h"
#include "networks/torch.h"

namespace resolute::accelerator {

//! \param place whose tensors the arguments name
std::unique_ptr<networks::NormKernels> make_norm_kernels(at::Device place);

//! The order in which blocks run from here on: from the last to the first, or from the first. A GPU promises none.
void set_blocks_reversed(bool reversed);

}  // namespace resolute::accelerator
