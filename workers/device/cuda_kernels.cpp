#include "workers/device/cuda_kernels.h"

#include <cstdlib>

#include "core/error.h"
#include "core/files/file_system.h"
#include "core/hash/sha256.h"
#include "workers/device/set_variables.h"

namespace resolute::workers {
namespace {

constexpr const char* kErrataFile = "CUDNN_ERRATA_JSON_FILE";  // engines that cuDNN is to pass over
constexpr std::uint64_t kLargestErrata = 1 << 20;
constexpr std::size_t kDigits = 16;
constexpr int kAmpere = 8;  // the first with TF32 and bfloat16

std::string digest_of_file(const char* path) {
  try {
    return core::sha256_hex(core::real_file_system().read(path, kLargestErrata)).substr(0, kDigits);
  } catch (const core::RuntimeError&) {  // cuDNN says nothing either, and passes over no engine
    return "unreadable";
  }
}

}  // namespace

std::string cuda_kernel_choices() {
  std::string choices = set_variables(
      {"NVIDIA_TF32_OVERRIDE", "TORCH_BLAS_PREFER_CUBLASLT", "DISABLE_ADDMM_CUDA_LT", "TORCH_CUDNN_V8_API_DISABLED",
       "TORCH_CUDNN_USE_HEURISTIC_MODE_B", "CUBLASLT_WORKSPACE_SIZE", "TORCH_CUBLASLT_UNIFIED_WORKSPACE",
       "CUBLAS_EMULATE_SINGLE_PRECISION", "CUBLAS_EMULATE_DOUBLE_PRECISION", "CUBLAS_EMULATION_STRATEGY"});
  if (const char* file = std::getenv(kErrataFile); file != nullptr)
    choices += (choices.empty() ? "" : ",") + std::string(kErrataFile) + ":" + digest_of_file(file);
  return choices;
}

void expect_precision(const std::string& gpu, const std::array<int, 2>& capability, settings::Precision precision) {
  if (precision == settings::Precision::kF32 || capability[0] >= kAmpere) return;
  throw core::RuntimeError(core::ErrorKind::kEnvironment, "device 'cuda' is not available",
                           fmt::format("{} has compute capability {}.{}, and {} needs {}.0", gpu, capability[0],
                                       capability[1], settings::word(precision), kAmpere),
                           "train with precision = \"f32\", or on a newer GPU");
}

}  // namespace resolute::workers
