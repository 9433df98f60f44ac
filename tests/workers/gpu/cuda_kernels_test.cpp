// Which variables have CUDA's libraries choose other kernels, and which GPUs compute in a precision.

#include "workers/device/cuda_kernels.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <map>

#include "core/files/file_system.h"
#include "core/hash/sha256.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace resolute::workers::cuda_kernels_test {
namespace {

using testing::HasSubstr;

// The variables are set while it lives.
class Variables {
 public:
  explicit Variables(std::map<std::string, std::string> set) : set_(std::move(set)) {
    for (const auto& [name, value] : set_) ::setenv(name.c_str(), value.c_str(), 1);
  }
  ~Variables() {
    for (const auto& [name, value] : set_) ::unsetenv(name.c_str());
  }
  Variables(const Variables&) = delete;
  Variables& operator=(const Variables&) = delete;

 private:
  std::map<std::string, std::string> set_;
};

std::string choices_with(const std::string& name, const std::string& value) {
  const Variables set({{name, value}});
  return cuda_kernel_choices();
}

TEST(CudaKernels, no_variable_makes_no_choice) {
  EXPECT_EQ("", cuda_kernel_choices());
  EXPECT_EQ("", choices_with("CUDNN_FRONTEND_LOG_INFO", "1")) << "a log changes no kernel";
}

TEST(CudaKernels, each_variable_that_changes_kernels_is_a_class_of_its_own) {
  for (const char* name :
       {"NVIDIA_TF32_OVERRIDE", "TORCH_BLAS_PREFER_CUBLASLT", "DISABLE_ADDMM_CUDA_LT", "TORCH_CUDNN_V8_API_DISABLED",
        "TORCH_CUDNN_USE_HEURISTIC_MODE_B", "CUBLASLT_WORKSPACE_SIZE", "TORCH_CUBLASLT_UNIFIED_WORKSPACE",
        "CUBLAS_EMULATE_SINGLE_PRECISION", "CUBLAS_EMULATE_DOUBLE_PRECISION", "CUBLAS_EMULATION_STRATEGY"})
    EXPECT_EQ(std::string(name) + ":1", choices_with(name, "1"));
}

TEST(CudaKernels, values_stay_one_word_of_the_class) {
  EXPECT_EQ("CUBLASLT_WORKSPACE_SIZE:1-2-3", choices_with("CUBLASLT_WORKSPACE_SIZE", "1 2\t3"));
}

// By what is in it: its name may be another on each node.
TEST(CudaKernels, an_errata_file_counts_by_its_bytes) {
  const tests::TemporaryFolder folder;
  const std::string rules = R"({"version": 1, "rules": []})", others = R"({"version": 1, "rules": [{"engine": 4}]})";
  core::write_atomic(core::real_file_system(), folder / "one.json", rules);
  core::write_atomic(core::real_file_system(), folder / "copy.json", rules);
  core::write_atomic(core::real_file_system(), folder / "other.json", others);
  const auto with = [&](const char* file) { return choices_with("CUDNN_ERRATA_JSON_FILE", (folder / file).string()); };
  EXPECT_EQ("CUDNN_ERRATA_JSON_FILE:" + core::sha256_hex(rules).substr(0, 16), with("one.json"));
  EXPECT_EQ(with("one.json"), with("copy.json"));
  EXPECT_NE(with("one.json"), with("other.json"));
  EXPECT_EQ("CUDNN_ERRATA_JSON_FILE:unreadable", with("none.json"));
  EXPECT_EQ("CUDNN_ERRATA_JSON_FILE:unreadable", choices_with("CUDNN_ERRATA_JSON_FILE", folder.path().string()));
}

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
