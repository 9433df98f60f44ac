#include "workers/device/cuda_driver.h"

namespace resolute::workers {

std::string cuda_version(int version) { return fmt::format("{}.{}", version / 1000, version % 1000 / 10); }

std::string least_driver(int cuda) {
  switch (cuda / 1000) {
    case 12:
      return "525";
    case 13:
      return "580";
    default:
      return "unknown";
  }
}

core::RuntimeError driver_error(int cuda, int served) {
  const std::string why = served == 0
                              ? std::string("NVIDIA's driver is not there")
                              : fmt::format("NVIDIA's driver serves CUDA up to {}, and libtorch is built for CUDA {}",
                                            cuda_version(served), cuda_version(cuda));
  std::string suggestion = fmt::format("install driver {} or newer", least_driver(cuda));
  // A driver of an earlier CUDA serves libtorch's build for that one.
  if (served != 0 && served / 1000 < cuda / 1000 && least_driver(served) != "unknown")
    suggestion += fmt::format(", or torch 2.11.0 for CUDA {}, which needs {}", served / 1000, least_driver(served));
  suggestion += ", or train with device = \"cpu\"";
  return core::RuntimeError(core::ErrorKind::kEnvironment, "device 'cuda' is not available", why, suggestion);
}

void expect_precision(const std::string& gpu, const std::array<int, 2>& capability, settings::Precision precision) {
  constexpr int kAmpere = 8;  // the first with TF32 and bfloat16
  if (precision == settings::Precision::kF32 || capability[0] >= kAmpere) return;
  throw core::RuntimeError(core::ErrorKind::kEnvironment, "device 'cuda' is not available",
                           fmt::format("{} has compute capability {}.{}, and {} needs {}.0", gpu, capability[0],
                                       capability[1], settings::word(precision), kAmpere),
                           "train with precision = \"f32\", or on a newer GPU");
}

}  // namespace resolute::workers
