// Which GPUs compute in a precision.

#include "workers/device/cuda_kernels.h"

#include <gmock/gmock.h>

#include "tests/support/refusal.h"

namespace resolute::workers::cuda_kernels_test {
namespace {

using testing::HasSubstr;

TEST(CudaKernels, a_gpu_without_a_precision_is_told_what_it_has) {
  using settings::Precision;
  for (const Precision precision : {Precision::kTf32, Precision::kBf16}) {
    expect_precision("NVIDIA A100", {8, 0}, precision);
    EXPECT_THAT(
        [&] {
          expect_precision("Tesla V100", {7, 0}, precision);
        },
        tests::fails(core::ErrorKind::kEnvironment,
                     testing::AllOf(HasSubstr("(Tesla V100 has compute capability 7.0, and " +
                                              std::string(settings::word(precision)) + " needs 8.0)"),
                                    HasSubstr("precision = \"f32\""), testing::Not(HasSubstr("or bf16")))));
  }
  expect_precision("Tesla V100", {7, 0}, Precision::kF32);
}

}  // namespace
}  // namespace resolute::workers::cuda_kernels_test
