#pragma once
//! \file
//! Which processor cores this process may use, and how badly it wants them.

#include <vector>

namespace resolute::core {

//! Numbers of the logical processors of the process's affinity mask, as SLURM, taskset and containers set it,
//! ascending; one or more. \throws RuntimeError where the kernel does not tell
std::vector<int> usable_processor_numbers();
//! How many these are. The C++ library's hardware_concurrency() counts the machine's.
int usable_processors();

//! From now on the calling thread, and those that it starts, have the processor only where nothing else wants it much
//! (nice 19).
void give_way();

}  // namespace resolute::core
