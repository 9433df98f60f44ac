#pragma once
//! \file
//! The numeric class: what the bits of a result may depend on besides the specification (design, §1). Two runs of one
//! job in the same class give the same bytes, whatever the number of process ranks, the nodes, or how often they were
//! resumed.

#include <string>

#include "core/json.h"

namespace resolute::workers {

//! One line of `key=value` separated by blanks: device, processor (vendor), instructions, libtorch, threads (a rank),
//! kernels (variables that limit oneDNN or MKL), onednn, deterministic. Never holds the number of process ranks, a host
//! or a path. Precision (f32, bf16) is part of the recipe, not of the class.
std::string numeric_class();

//! The same as an object, with the line under "numeric_class": `resolute-worker describe`.
core::Json describe_numeric_class();

//! Fixes what a numeric class assumes: one thread a rank, deterministic algorithms. Call first, once.
void enter_numeric_class();

}  // namespace resolute::workers
