#pragma once
//! \file
//! The kernels of networks/kernels/norm_kernels.cu on a GPU. Part of libresolute_cuda.so.

#include <array>
#include <memory>

#include "networks/kernels/fused_norm.h"

namespace resolute::workers {

//! Compiles them for the current GPU and loads them. \param cuda the version of libtorch's libraries, 13000
//! \throws core::RuntimeError (kEnvironment) as compile_kernels(), and what the driver refuses
std::unique_ptr<networks::NormKernels> load_norm_kernels(const std::array<int, 2>& capability, int cuda);

}  // namespace resolute::workers
