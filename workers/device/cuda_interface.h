#pragma once
//! \file
//! libresolute_cuda.so shows this to the worker that loads it; both are built from one tree.

#include "workers/device/device.h"

namespace resolute::workers {

//! Raised when Device, Communicator, Recorder or the functions below change: a module of another build is refused.
inline constexpr int kCudaInterfaceVersion = 9;
inline constexpr const char* kCudaInterfaceVersionSymbol = "resolute_cuda_interface_version";
inline constexpr const char* kOpenCudaDeviceSymbol = "resolute_open_cuda_device";

//! The types of the module's two functions. The second hands over a new Device, owned by the caller, and throws what
//! open_device() throws.
using CudaInterfaceVersion = int (*)();
using OpenCudaDevice = Device* (*)(int process_rank, settings::Precision precision);

}  // namespace resolute::workers
