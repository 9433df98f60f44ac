#pragma once
//! \file
//! Which kernels CUDA's libraries compute with, as far as a training's precision and the environment decide it. Part of
//! the worker and of libresolute_cuda.so; needs no GPU.

#include <array>
#include <string>

#include "settings/training.h"

namespace resolute::workers {

//! "NAME:VALUE,NAME:VALUE" of the variables with which a user has libtorch, cuBLAS or cuDNN choose other kernels; of a
//! file that one names, 16 digits of the SHA-256 of what is in it, or "unreadable". Empty where none is set.
std::string cuda_kernel_choices();

//! \param gpu as CUDA names it \param capability its compute capability, {9, 0}
//! \throws RuntimeError (kEnvironment) if the GPU has no kernels of this precision, naming those that it has
void expect_precision(const std::string& gpu, const std::array<int, 2>& capability, settings::Precision precision);

}  // namespace resolute::workers
