// The module's calls of CUDA's runtime go to the one that is loaded, whatever its version. A stand-in is, by LD_PRELOAD
// (CMakeLists.txt): before the runtime that libtorch's CPU half brings.

#include <cuda_runtime_api.h>
#include <gmock/gmock.h>

#include "core/error.h"
#include "tests/support/refusal.h"
#include "workers/ddp/gpu_properties.h"

namespace resolute::workers::cuda_runtime_test {
namespace {

TEST(CudaRuntime, calls_reach_the_runtime_that_is_loaded) {
  int number = -1;
  EXPECT_EQ(cudaErrorInsufficientDriver, ::cudaGetDeviceCount(&number));
  EXPECT_EQ(0, number);
  EXPECT_EQ(cudaSuccess, ::cudaDriverGetVersion(&number));
  EXPECT_EQ(12040, number);
  EXPECT_EQ(cudaSuccess, ::cudaRuntimeGetVersion(&number));
  EXPECT_EQ(12080, number);
  std::size_t free = 0, total = 0;
  EXPECT_EQ(cudaSuccess, ::cudaMemGetInfo(&free, &total));
  EXPECT_EQ(5U, free);
  EXPECT_EQ(7U, total);
}

TEST(GpuProperties, are_read_of_a_struct_of_another_version) {
  const GpuProperties properties = gpu_properties(1);
  EXPECT_EQ("NVIDIA H100 80GB HBM3", properties.name);
  EXPECT_THAT(properties.identity, testing::Each(7));
  EXPECT_THAT(properties.address, testing::ElementsAre(1000 + cudaDevAttrPciDomainId, 1000 + cudaDevAttrPciBusId,
                                                       1000 + cudaDevAttrPciDeviceId));
  EXPECT_THAT(properties.capability,
              testing::ElementsAre(1000 + cudaDevAttrComputeCapabilityMajor, 1000 + cudaDevAttrComputeCapabilityMinor));
  EXPECT_EQ(1000 + cudaDevAttrMultiProcessorCount, properties.multiprocessors);
}

TEST(GpuProperties, what_cuda_refuses_is_said) {
  EXPECT_THAT([&] { gpu_properties(2); },
              tests::fails(core::ErrorKind::kEnvironment, testing::HasSubstr("(invalid device ordinal)")));
}

}  // namespace
}  // namespace resolute::workers::cuda_runtime_test
