// The messages about drivers that are too old or not there, and about GPUs without a precision.

#include "workers/device/cuda_driver.h"

#include <gmock/gmock.h>

#include "tests/support/refusal.h"

namespace resolute::workers::cuda_driver_test {
namespace {

TEST(CudaDriver, each_version_of_cuda_has_its_oldest_driver) {
  EXPECT_EQ("525", least_driver(12000));
  EXPECT_EQ("525", least_driver(12080));
  EXPECT_EQ("580", least_driver(13000));
  EXPECT_EQ("unknown", least_driver(14000));
  EXPECT_EQ("12.8", cuda_version(12080));
}

TEST(CudaDriver, one_that_is_too_old_is_told_what_it_serves_and_what_would_do) {
  const core::RuntimeError error = driver_error(13000, 12040);
  EXPECT_EQ(core::ErrorKind::kEnvironment, error.kind());
  EXPECT_STREQ(
      "device 'cuda' is not available (NVIDIA's driver serves CUDA up to 12.4, and libtorch is built for CUDA 13.0); "
      "install driver 580 or newer, or torch 2.11.0 for CUDA 12, which needs 525, or train with device = \"cpu\"",
      error.what());
}

TEST(CudaDriver, one_that_no_build_of_libtorch_runs_with_is_told_the_driver_alone) {
  EXPECT_STREQ(
      "device 'cuda' is not available (NVIDIA's driver serves CUDA up to 11.4, and libtorch is built for CUDA 12.8); "
      "install driver 525 or newer, or train with device = \"cpu\"",
      driver_error(12080, 11040).what());
}

TEST(CudaDriver, where_there_is_none_that_is_said) {
  EXPECT_STREQ(
      "device 'cuda' is not available (NVIDIA's driver is not there); install driver 580 or newer, "
      "or train with device = \"cpu\"",
      driver_error(13000, 0).what());
}

TEST(CudaDriver, a_gpu_without_a_precision_is_told_what_it_has) {
  using settings::Precision;
  for (const Precision precision : {Precision::kTf32, Precision::kBf16}) {
    expect_precision("NVIDIA A100", {8, 0}, precision);
    EXPECT_THAT(
        [&] {
          expect_precision("Tesla V100", {7, 0}, precision);
        },
        tests::fails(
            core::ErrorKind::kEnvironment,
            testing::AllOf(testing::HasSubstr("(Tesla V100 has compute capability 7.0, and " +
                                              std::string(settings::word(precision)) + " needs 8.0)"),
                           testing::HasSubstr("precision = \"f32\""), testing::Not(testing::HasSubstr("or bf16")))));
  }
  expect_precision("Tesla V100", {7, 0}, Precision::kF32);
}

}  // namespace
}  // namespace resolute::workers::cuda_driver_test
