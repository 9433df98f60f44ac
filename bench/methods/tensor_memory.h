#pragma once
//! \file
//! How much memory libtorch's tensors hold on the CPU: it listens to the allocator, so that it sees every byte of a
//! tensor and none of a library's workspace.

#include <c10/util/ThreadLocalDebugInfo.h>

#include <cstdint>
#include <memory>

namespace resolute::workers {

//! Counts while it lives: of what this thread allocates, the most bytes that were live at a time. Not beside libtorch's
//! profiler.
class TensorMemory {
 public:
  TensorMemory();
  TensorMemory(const TensorMemory&) = delete;
  TensorMemory& operator=(const TensorMemory&) = delete;
  ~TensorMemory() = default;
  std::int64_t peak() const;

 private:
  class Listener;
  std::shared_ptr<Listener> listener_;
  c10::DebugInfoGuard guard_;
};

}  // namespace resolute::workers
