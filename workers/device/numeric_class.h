#pragma once
//! \file
//! The numeric class: what the bits of a result may depend on besides the specification (docs/glossary.md). Two runs of
//! one job in the same class give the same bytes, whatever the number of process ranks, the nodes, or how often they
//! were resumed.

#include <string>

#include "core/files/json.h"
#include "workers/device/device.h"

namespace resolute::workers {

//! One line of `key=value` separated by blanks. On the CPU: device, processor (vendor), instructions, libtorch, threads
//! (a rank), kernels (variables that limit oneDNN or MKL), onednn, deterministic; on a GPU: docs/inside/gpu.md. Never
//! holds the number of process ranks, a host or a path. Precision (f32, bf16) is part of the recipe, not of the class.
std::string numeric_class(const Device& device);

//! The numeric class of the CPU.
std::string numeric_class();

//! The parts of the CPU's line.
NumericParts cpu_numeric_parts();

//! The same as an object, with the line under "numeric_class" and the device's remarks: `resolute-worker describe`.
core::Json describe_numeric_class(const Device& device);

//! Fixes what a numeric class assumes: threads a rank, deterministic algorithms. Call first, once.
//! \param threads at least 1; another number gives other bits
void enter_numeric_class(int threads = 1);

}  // namespace resolute::workers
