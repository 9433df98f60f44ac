#pragma once
//! \file
//! The most memory that a training step of MSIFLA holds at a time, by libtorch's allocator.

#include <cstdint>
#include <string>
#include <vector>

#include "bench/methods/method_cases.h"
#include "core/files/json.h"

namespace resolute::workers {

//! What a step is measured for: the paper's batch of 5 identities × (2 HR + 2 LR), one lane, one process.
struct MemoryCase {
  std::string name;
  experiments::MsiflaOptions options;
  Scale scale;  //!< its P is not used
  bool paper_size = false;
};
//! Small ones, then the paper's.
const std::vector<MemoryCase>& memory_cases();

//! {"peak_bytes": of tensors, float32, of a step that follows another (a library's workspace comes on top),
//! "resident_bytes": what the process grew by at most, "seconds", "processor_seconds": of the shortest step but the
//! first}. To be called in a process of its own, before anything of libtorch. \param steps at least 2
core::Json measured_step_memory(const MemoryCase& measured, int steps);

//! A field of /proc/self/status in bytes: VmRSS (memory held now) or VmHWM (the most it ever was).
double process_memory(const std::string& field);

}  // namespace resolute::workers
