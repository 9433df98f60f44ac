#pragma once
//! \file
//! CUDA's demands on NVIDIA's driver, and a precision's on a GPU. Versions of CUDA are numbers as CUDA gives them:
//! 13000 is 13.0. Part of the worker and of libresolute_cuda.so; needs no GPU.

#include <array>
#include <string>

#include "core/error.h"
#include "settings/training.h"

namespace resolute::workers {

//! "13.0" of 13000.
std::string cuda_version(int version);

//! The oldest branch of the driver that serves a version of CUDA, "580"; "unknown" of one that is not known here.
//! Source: NVIDIA's table of CUDA's minor version compatibility.
std::string least_driver(int cuda);

//! Why no GPU can be used with this driver. \param cuda of libtorch's libraries
//! \param served by the driver; 0: there is none
core::RuntimeError driver_error(int cuda, int served);

//! \param gpu as CUDA names it \param capability its compute capability, {9, 0}
//! \throws RuntimeError (kEnvironment) if the GPU has no kernels of this precision, naming those that it has
void expect_precision(const std::string& gpu, const std::array<int, 2>& capability, settings::Precision precision);

}  // namespace resolute::workers
