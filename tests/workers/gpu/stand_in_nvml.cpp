//! \file
//! A stand-in for NVIDIA's management library. STAND_IN_NVML in the environment says what is wrong with it:
//! "unknown" (it does not begin), "lost" (the GPU has gone), "slice" (it does not tell how busy the GPU is).

#include <cstdlib>
#include <cstring>

namespace {

constexpr int kNotSupported = 3, kNotFound = 6, kGpuIsLost = 15, kUnknown = 999;
int gpu = 0;

bool is(const char* trouble) {
  const char* const set = std::getenv("STAND_IN_NVML");
  return set != nullptr && std::strcmp(set, trouble) == 0;
}

int answer(const void* device) {
  if (device != &gpu) return kNotFound;
  return is("lost") ? kGpuIsLost : 0;
}

}  // namespace

extern "C" {

int nvmlInit_v2() { return is("unknown") ? kUnknown : 0; }

int nvmlDeviceGetHandleByPciBusId_v2(const char* address, void** device) {
  *device = &gpu;
  return std::strncmp(address, "00000000:3b:", 12) == 0 ? 0 : kNotFound;
}
int nvmlDeviceGetUtilizationRates(void* device, unsigned* percent) {
  percent[0] = 94;
  percent[1] = 40;
  return is("slice") ? kNotSupported : answer(device);
}
int nvmlDeviceGetClockInfo(void* device, int clock, unsigned* megahertz) {
  *megahertz = clock == 1 ? 1980 : 2619;  // multiprocessors', or the memory's
  return answer(device);
}
int nvmlDeviceGetMemoryInfo(void* device, unsigned long long* bytes) {
  bytes[0] = 81559ULL << 20;
  bytes[1] = 50328ULL << 20;
  bytes[2] = 31231ULL << 20;
  return answer(device);
}

}  // extern "C"
