//! \file
//! A stand-in for the runtime that libtorch_cuda.so comes with, of another version than the headers: its struct of
//! properties is longer than theirs and holds something else behind the name and the UUID.

#include <cstring>

extern "C" {

int cudaDeviceGetAttribute(int* value, int attribute, int device) {
  *value = 1000 * device + attribute;
  return 0;
}
int cudaDriverGetVersion(int* version) {
  *version = 12040;
  return 0;
}
int cudaGetDeviceCount(int* count) {
  *count = 0;
  return 35;  // cudaErrorInsufficientDriver
}
int cudaGetDeviceProperties(char* properties, int device) {
  if (device > 1) return 101;  // cudaErrorInvalidDevice
  constexpr std::size_t kName = 256, kUuid = 16, kAll = 3000;
  std::memset(properties, 0x7F, kAll);
  std::strncpy(properties, "NVIDIA H100 80GB HBM3", kName);
  std::memset(properties + kName, 7, kUuid);
  return 0;
}
const char* cudaGetErrorString(int error) { return error == 101 ? "invalid device ordinal" : "another error"; }
int cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  *free = 5;
  *total = 7;
  return 0;
}
int cudaRuntimeGetVersion(int* version) {
  *version = 12080;
  return 0;
}

}  // extern "C"
