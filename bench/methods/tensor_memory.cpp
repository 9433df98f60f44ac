#include "bench/methods/tensor_memory.h"

#include <c10/core/Allocator.h>

#include <algorithm>

namespace resolute::workers {

class TensorMemory::Listener final : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void*, std::int64_t bytes, std::size_t, std::size_t, c10::Device) override {
    live += bytes;
    peak = std::max(peak, live);
  }
  bool memoryProfilingEnabled() const override { return true; }

  std::int64_t live = 0, peak = 0;
};

TensorMemory::TensorMemory()
    : listener_(std::make_shared<Listener>()), guard_(c10::DebugInfoKind::PROFILER_STATE, listener_) {}

std::int64_t TensorMemory::peak() const { return listener_->peak; }

}  // namespace resolute::workers
