#include "workers/device/gpu_gauge.h"

#include <dlfcn.h>

#include "core/log.h"

namespace resolute::workers {
namespace {

// The part of NVML's interface that is called; its header comes with the toolkit.
constexpr int kNvmlSuccess = 0, kNvmlNotSupported = 3, kNvmlFunctionNotFound = 13;
constexpr int kNvmlClockOfMultiprocessors = 1;
struct NvmlUtilization {
  unsigned gpu = 0, memory = 0;  // percent of the time of the last second or less
};
struct NvmlMemory {
  unsigned long long total = 0, free = 0, used = 0;  // bytes
};

}  // namespace

GpuGauge::GpuGauge(const std::string& address, const char* library)
    : library_(::dlopen(library, RTLD_LAZY | RTLD_LOCAL)), works_(library_ != nullptr) {
  works_ = call("nvmlInit_v2") && call("nvmlDeviceGetHandleByPciBusId_v2", address.c_str(), &device_);
}

//! \return whether it has been answered
template <class... Arguments>
bool GpuGauge::call(const char* name, Arguments... arguments) {
  if (!works_) return false;
  auto* const function = reinterpret_cast<int (*)(Arguments...)>(::dlsym(library_, name));
  const int result = function == nullptr ? kNvmlFunctionNotFound : function(arguments...);
  if (result == kNvmlSuccess) return true;
  if (result == kNvmlNotSupported) return false;
  works_ = false;
  core::log_warning("nothing is shown of how busy the GPU is: {} of NVIDIA's management library answers {}", name,
                    result);
  return false;
}

core::Json GpuGauge::read() {
  constexpr unsigned long long kMib = 1 << 20;
  core::Json reading = core::Json::object();
  NvmlUtilization use;
  NvmlMemory memory;
  unsigned clock = 0;
  if (call("nvmlDeviceGetUtilizationRates", device_, &use)) reading["busy_percent"] = use.gpu;
  if (call("nvmlDeviceGetClockInfo", device_, kNvmlClockOfMultiprocessors, &clock)) reading["clock_mhz"] = clock;
  if (call("nvmlDeviceGetMemoryInfo", device_, &memory)) {
    reading["memory_mib"] = memory.used / kMib;
    reading["memory_total_mib"] = memory.total / kMib;
  }
  return reading;
}

}  // namespace resolute::workers
