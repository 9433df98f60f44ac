//! \file
//! libresolute_cuda.so shows this to the worker that loads it (cuda_interface.h).

#include "workers/device/cuda_device.h"
#include "workers/device/cuda_interface.h"

#define RESOLUTE_SHOWN extern "C" __attribute__((visibility("default")))

RESOLUTE_SHOWN int resolute_cuda_interface_version() { return resolute::workers::kCudaInterfaceVersion; }

RESOLUTE_SHOWN resolute::workers::Device* resolute_open_cuda_device(int process_rank,
                                                                    resolute::settings::Precision precision) {
  return resolute::workers::make_cuda_device(process_rank, precision).release();
}
