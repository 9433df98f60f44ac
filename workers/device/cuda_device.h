#pragma once
//! \file
//! A GPU as a Device; part of libresolute_cuda.so.

#include <memory>

#include "workers/device/device.h"

namespace resolute::workers {

//! Makes CUDA deterministic for this process, then takes GPU number process_rank modulo the visible ones.
//! \throws RuntimeError (kEnvironment) where there is no GPU, or with `tf32` none that has it
std::unique_ptr<Device> make_cuda_device(int process_rank, bool tf32);

}  // namespace resolute::workers
