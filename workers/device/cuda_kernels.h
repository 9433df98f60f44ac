#pragma once
//! \file
//! Which precisions a GPU has kernels of. Part of the worker and of libresolute_cuda.so; needs no GPU.

#include <array>
#include <string>

#include "settings/training.h"

namespace resolute::workers {

//! \param gpu as CUDA names it \param capability its compute capability, {9, 0}
//! \throws RuntimeError (kEnvironment) if the GPU has no kernels of this precision, naming those that it has
void expect_precision(const std::string& gpu, const std::array<int, 2>& capability, settings::Precision precision);

}  // namespace resolute::workers
