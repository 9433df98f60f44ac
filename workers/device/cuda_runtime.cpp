//! \file
//! The functions of CUDA's runtime that libresolute_cuda.so calls. Each hands on to the runtime that libtorch_cuda.so
//! came with, so the module is linked to no libcudart of one version: built with the headers of CUDA 12 or of CUDA 13,
//! it runs with libtorch of either. A call of the module that this file lacks is an error of the link (-z defs).

#include <cuda_runtime_api.h>
#include <dlfcn.h>

#include "core/error.h"

namespace {

// libtorch_cuda.so is loaded before the module, for all to see, and its runtime with it.
template <class Function>
Function* found_in_runtime(const char* name) {
  void* const symbol = ::dlsym(RTLD_DEFAULT, name);
  if (symbol == nullptr)
    throw resolute::core::RuntimeError(resolute::core::ErrorKind::kEnvironment, "device 'cuda' is not available",
                                       fmt::format("no library that libtorch loads has '{}'", name),
                                       "install torch 2.11.0 with the packages that it asks for (docs/gpus.md)");
  return reinterpret_cast<Function*>(symbol);
}

}  // namespace

// The name is looked up as it is written: CUDA 12's headers rename cudaGetDeviceProperties by a macro, and both
// runtimes have the unchanged name, whose struct begins alike in all of them (workers/ddp/gpu_properties.cpp).
#define RESOLUTE_HANDED_ON(RESULT, NAME, PARAMETERS, ...)                     \
  extern "C" __attribute__((visibility("hidden"))) RESULT NAME PARAMETERS {   \
    static auto* const function = found_in_runtime<RESULT PARAMETERS>(#NAME); \
    return function(__VA_ARGS__);                                             \
  }

RESOLUTE_HANDED_ON(cudaError_t, cudaDeviceGetAttribute, (int* value, cudaDeviceAttr attribute, int device), value,
                   attribute, device)
RESOLUTE_HANDED_ON(cudaError_t, cudaDriverGetVersion, (int* version), version)
RESOLUTE_HANDED_ON(cudaError_t, cudaEventCreateWithFlags, (cudaEvent_t * event, unsigned flags), event, flags)
RESOLUTE_HANDED_ON(cudaError_t, cudaEventDestroy, (cudaEvent_t event), event)
RESOLUTE_HANDED_ON(cudaError_t, cudaEventQuery, (cudaEvent_t event), event)
RESOLUTE_HANDED_ON(cudaError_t, cudaEventRecord, (cudaEvent_t event, cudaStream_t stream), event, stream)
RESOLUTE_HANDED_ON(cudaError_t, cudaGetDeviceCount, (int* count), count)
RESOLUTE_HANDED_ON(cudaError_t, cudaGetDeviceProperties, (cudaDeviceProp * properties, int device), properties, device)
RESOLUTE_HANDED_ON(const char*, cudaGetErrorString, (cudaError_t error), error)
RESOLUTE_HANDED_ON(cudaError_t, cudaGetLastError, ())
RESOLUTE_HANDED_ON(cudaError_t, cudaMemGetInfo, (std::size_t * free, std::size_t* total), free, total)
RESOLUTE_HANDED_ON(cudaError_t, cudaRuntimeGetVersion, (int* version), version)

#undef RESOLUTE_HANDED_ON
