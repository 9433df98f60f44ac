#pragma once
//! \file
//! A GPU as a Device; part of libresolute_cuda.so.

#include <memory>

#include "workers/device/device.h"

namespace resolute::workers {

//! Makes CUDA deterministic for this process, then takes GPU number process_rank modulo the visible ones.
//! \throws RuntimeError (kEnvironment) where there is no GPU, or none that computes in this precision
std::unique_ptr<Device> make_cuda_device(int process_rank, settings::Precision precision);

}  // namespace resolute::workers
