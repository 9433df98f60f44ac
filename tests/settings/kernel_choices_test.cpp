// Which variables have libraries choose other kernels.

#include "settings/kernel_choices.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "core/files/file_system.h"
#include "core/hash/sha256.h"
#include "tests/support/temporary_folder.h"

namespace resolute::settings::kernel_choices_test {
namespace {

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
  return gpu_kernel_choices();
}

TEST(KernelChoices, without_a_variable_a_gpu_has_the_usual_kernels) {
  EXPECT_EQ("", gpu_kernel_choices());
  EXPECT_EQ("", choices_with("CUDNN_FRONTEND_LOG_INFO", "1")) << "a log changes no kernel";
}

TEST(KernelChoices, each_variable_that_changes_a_gpu_s_kernels_is_a_class_of_its_own) {
  for (const char* name :
       {"NVIDIA_TF32_OVERRIDE", "TORCH_BLAS_PREFER_CUBLASLT", "DISABLE_ADDMM_CUDA_LT", "TORCH_CUDNN_V8_API_DISABLED",
        "TORCH_CUDNN_USE_HEURISTIC_MODE_B", "CUBLASLT_WORKSPACE_SIZE", "TORCH_CUBLASLT_UNIFIED_WORKSPACE",
        "CUBLAS_EMULATE_SINGLE_PRECISION", "CUBLAS_EMULATE_DOUBLE_PRECISION", "CUBLAS_EMULATION_STRATEGY"})
    EXPECT_EQ(std::string(name) + ":1", choices_with(name, "1"));
}

TEST(KernelChoices, values_stay_one_word_of_the_class) {
  EXPECT_EQ("CUBLASLT_WORKSPACE_SIZE:1-2-3", choices_with("CUBLASLT_WORKSPACE_SIZE", "1 2\t3"));
}

// By what is in it: its name may be another on each node.
TEST(KernelChoices, an_errata_file_counts_by_its_bytes) {
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

std::string cpu_choices_with(const std::string& name, const std::string& value) {
  const Variables set({{name, value}});
  return cpu_kernel_choices();
}

TEST(KernelChoices, name_what_chooses_the_processor_s_kernels_or_threads) {
  const std::string calm = cpu_kernel_choices();
  for (const char* name : {"ONEDNN_MAX_CPU_ISA", "DNNL_CPU_ISA_HINTS", "TORCH_MKLDNN_MATMUL_MIN_DIM", "OMP_DYNAMIC",
                           "MKL_DOMAIN_NUM_THREADS"}) {
    EXPECT_EQ(std::string(name) + ":some-value", cpu_choices_with(name, "some value"));
    EXPECT_EQ(calm, cpu_choices_with(name, "")) << "no value is no choice: " << name;
  }
  EXPECT_EQ("GLIBC_TUNABLES:glibc.cpu.hwcaps=-FMA", cpu_choices_with("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-FMA"));
  EXPECT_EQ(calm, cpu_choices_with("GLIBC_TUNABLES", "glibc.malloc.arena_max=2")) << "memory changes no bits";
  EXPECT_EQ(calm, cpu_choices_with("OMP_PLACES", "cores"));
}

}  // namespace
}  // namespace resolute::settings::kernel_choices_test
