#include "orchestrator/launch/gpu_fault.h"

#include <gtest/gtest.h>

#include "core/clock.h"
#include "tests/orchestrator/support/nvidia_smi.h"

namespace resolute::tests::gpu_fault_test {
namespace {

using orchestrator::gpu_fault;
using namespace std::chrono_literals;

TEST(GpuFault, is_none_where_the_gpu_answers_without_errors) {
  NvidiaSmi program;
  for (const char* answer : {"0", "[N/A]", "N/A", "[Not Supported]", " 0 "}) {
    program.behave(std::string("echo '") + answer + "'");
    EXPECT_EQ(gpu_fault("GPU-a", 10s), "") << answer;
  }
  EXPECT_EQ(program.asked().substr(0, program.asked().find('\n')),
            "--id=GPU-a --query-gpu=ecc.errors.uncorrected.volatile.total --format=csv,noheader,nounits");
}

TEST(GpuFault, is_what_the_gpu_or_its_driver_says) {
  NvidiaSmi program;
  const auto fault_by = [&](const char* script) {
    program.behave(script);
    return gpu_fault("GPU-a", 10s);
  };
  EXPECT_EQ(fault_by("echo 3"), "3 uncorrected errors of its memory");
  EXPECT_EQ(fault_by("echo '[GPU requires reset]'"), "nvidia-smi says '[GPU requires reset]'");
  EXPECT_EQ(fault_by("echo 'Unable to determine the device handle for GPU0000:3B:00.0: Unknown Error'; exit 15"),
            "nvidia-smi: exit code 15, Unable to determine the device handle for GPU0000:3B:00.0: Unknown Error");
  EXPECT_EQ(fault_by("echo 'no driver' >&2; echo more >&2; exit 9"), "nvidia-smi: exit code 9, no driver");
  EXPECT_EQ(fault_by("echo 0; kill -SEGV $$"), "nvidia-smi: killed by signal 11, 0");
  EXPECT_EQ(fault_by("true"), "nvidia-smi says ''");
}

TEST(GpuFault, of_a_gpu_that_hangs_is_found_in_time) {
  NvidiaSmi program;
  program.behave("/bin/sleep 1000");
  const auto begun = core::monotonic_clock().now();
  EXPECT_EQ(gpu_fault("GPU-a", 300ms), "nvidia-smi has no answer of it");
  EXPECT_LT(core::monotonic_clock().now() - begun, 10s);
}

TEST(GpuFault, is_not_known_without_the_program) {
  NvidiaSmi program;
  EXPECT_EQ(gpu_fault("GPU-a", 10s), std::nullopt);
}

}  // namespace
}  // namespace resolute::tests::gpu_fault_test
