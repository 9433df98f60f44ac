#include "workers/device/cuda_kernels.h"

#include "core/error.h"

namespace resolute::workers {
namespace {

constexpr int kAmpere = 8;  // the first with TF32 and bfloat16

}  // namespace

void expect_precision(const std::string& gpu, const std::array<int, 2>& capability, settings::Precision precision) {
  if (precision == settings::Precision::kF32 || capability[0] >= kAmpere) return;
  throw core::RuntimeError(core::ErrorKind::kEnvironment, "device 'cuda' is not available",
                           fmt::format("{} has compute capability {}.{}, and {} needs {}.0", gpu, capability[0],
                                       capability[1], settings::word(precision), kAmpere),
                           "train with precision = \"f32\", or on a newer GPU");
}

}  // namespace resolute::workers
