#pragma once
//! \file
//! What a GPU says of itself while it works, by NVIDIA's management library (NVML). The library comes with the driver
//! and is loaded where it is.

#include <string>

#include "core/files/json.h"

namespace resolute::workers {

//! Of one GPU; not for two threads at once. Where there is no library it reads nothing. A library that fails is named
//! once in the log, and nothing is read from then on.
class GpuGauge {
 public:
  //! \param address on the PCI bus: "00000000:3b:00.0" \param library as dlopen() takes it
  explicit GpuGauge(const std::string& address, const char* library = "libnvidia-ml.so.1");
  //! {"busy_percent", "clock_mhz", "memory_mib", "memory_total_mib"}, whole numbers, of all processes on the GPU. A
  //! member is left out that this GPU does not tell; of a slice (MIG) that is how busy it is.
  core::Json read();

 private:
  template <class... Arguments>
  bool call(const char* name, Arguments... arguments);

  void* library_;
  bool works_;
  void* device_ = nullptr;
};

}  // namespace resolute::workers
