#include "settings/kernel_choices.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "core/error.h"
#include "core/files/file_system.h"
#include "core/hash/sha256.h"

namespace resolute::settings {
namespace {

constexpr const char* kErrataFile = "CUDNN_ERRATA_JSON_FILE";  // engines that cuDNN is to pass over
constexpr std::uint64_t kLargestErrata = 1 << 20;
constexpr std::size_t kDigits = 16;

std::string set_variables(std::initializer_list<const char*> names) {
  std::string set;
  for (const char* name : names)
    if (const char* value = std::getenv(name); value != nullptr && *value != '\0')
      set += (set.empty() ? "" : ",") + std::string(name) + ":" + value;
  std::replace_if(
      set.begin(), set.end(), [](unsigned char letter) { return letter <= ' '; }, '-');
  return set;
}

std::string digest_of_file(const char* path) {
  try {
    return core::sha256_hex(core::real_file_system().read(path, kLargestErrata)).substr(0, kDigits);
  } catch (const core::RuntimeError&) {  // cuDNN says nothing either, and passes over no engine
    return "unreadable";
  }
}

}  // namespace

std::string cpu_kernel_choices() {
  std::string choices = set_variables({"ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "MKL_ENABLE_INSTRUCTIONS", "MKL_CBWR",
                                       "ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_DEFAULT_FPMATH_MODE", "ONEDNN_CPU_ISA_HINTS",
                                       "DNNL_CPU_ISA_HINTS", "INTEL_ISA_DISABLE", "TORCH_MKLDNN_MATMUL_MIN_DIM",
                                       "TORCH_MKLDNN_MATMUL_MIN_SIZE", "TORCH_LINEAR_FLATTEN_3D", "MKL_DYNAMIC",
                                       "MKL_DOMAIN_NUM_THREADS", "OMP_DYNAMIC", "OMP_THREAD_LIMIT"});
  // Others than those of the processor's instructions are common, and change no bits.
  constexpr const char* kTunables = "GLIBC_TUNABLES";
  if (const char* value = std::getenv(kTunables); value != nullptr && std::strstr(value, "glibc.cpu.") != nullptr)
    choices += (choices.empty() ? "" : ",") + set_variables({kTunables});
  return choices;
}

std::string gpu_kernel_choices() {
  std::string choices = set_variables(
      {"NVIDIA_TF32_OVERRIDE", "TORCH_BLAS_PREFER_CUBLASLT", "DISABLE_ADDMM_CUDA_LT", "TORCH_CUDNN_V8_API_DISABLED",
       "TORCH_CUDNN_USE_HEURISTIC_MODE_B", "CUBLASLT_WORKSPACE_SIZE", "TORCH_CUBLASLT_UNIFIED_WORKSPACE",
       "CUBLAS_EMULATE_SINGLE_PRECISION", "CUBLAS_EMULATE_DOUBLE_PRECISION", "CUBLAS_EMULATION_STRATEGY"});
  if (const char* file = std::getenv(kErrataFile); file != nullptr)
    choices += (choices.empty() ? "" : ",") + std::string(kErrataFile) + ":" + digest_of_file(file);
  return choices;
}

}  // namespace resolute::settings
