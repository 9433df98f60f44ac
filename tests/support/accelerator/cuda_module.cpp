//! \file
//! The simulated accelerator as the worker loads it: libresolute_cuda.so with it in the place of a GPU. A worker that
//! finds this one beside itself runs jobs of device = "cuda" on the simulation.

#include "tests/support/accelerator/accelerator.h"
#include "workers/device/cuda_interface.h"

#define RESOLUTE_SHOWN extern "C" __attribute__((visibility("default")))

RESOLUTE_SHOWN int resolute_cuda_interface_version() { return resolute::workers::kCudaInterfaceVersion; }

RESOLUTE_SHOWN resolute::workers::Device* resolute_open_cuda_device(int process_rank,
                                                                    resolute::settings::Precision precision) {
  using namespace resolute::accelerator;
  // No kernel runs before somebody waits for it.
  streams().set_lateness({Lateness::Kind::kMost, 0});
  return open(process_rank, precision).release();
}
