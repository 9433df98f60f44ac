#include "workers/ddp/gpu_properties.h"

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstring>

#include "core/error.h"

namespace resolute::workers {
namespace {

// The start of any version's struct: name and UUID have stood first since CUDA 10, and the rest differs.
constexpr std::size_t kNameBytes = 256;
constexpr std::size_t kLargestStruct = 8192;
static_assert(offsetof(cudaDeviceProp, name) == 0 && sizeof(cudaDeviceProp::name) == kNameBytes);
static_assert(offsetof(cudaDeviceProp, uuid) == kNameBytes && sizeof(cudaUUID_t) == sizeof(GpuProperties::identity));
static_assert(sizeof(cudaDeviceProp) < kLargestStruct / 2);

void check(cudaError_t result) {
  if (result == cudaSuccess) return;
  throw core::RuntimeError(core::ErrorKind::kEnvironment, "reading the GPU's properties failed",
                           ::cudaGetErrorString(result), "look at the GPU with nvidia-smi");
}

int attribute(cudaDeviceAttr which, int device) {
  int value = 0;
  check(::cudaDeviceGetAttribute(&value, which, device));
  return value;
}

}  // namespace

GpuProperties gpu_properties(int device) {
  // The runtime may be of another version than the headers and fill more than they say.
  alignas(cudaDeviceProp) std::array<char, kLargestStruct> room{};
  check(::cudaGetDeviceProperties(reinterpret_cast<cudaDeviceProp*>(room.data()), device));
  GpuProperties properties;
  properties.name.assign(room.data(), ::strnlen(room.data(), kNameBytes));
  std::memcpy(properties.identity.data(), room.data() + kNameBytes, properties.identity.size());
  properties.address = {attribute(cudaDevAttrPciDomainId, device), attribute(cudaDevAttrPciBusId, device),
                        attribute(cudaDevAttrPciDeviceId, device)};
  properties.capability = {attribute(cudaDevAttrComputeCapabilityMajor, device),
                           attribute(cudaDevAttrComputeCapabilityMinor, device)};
  properties.multiprocessors = attribute(cudaDevAttrMultiProcessorCount, device);
  return properties;
}

}  // namespace resolute::workers
