#pragma once
//! \file
//! How many processor cores this process may use, and how badly it wants them.

namespace resolute::core {

//! Cores of the process's affinity mask, as SLURM, taskset and containers set it; 1 or more. The C++ library's
//! hardware_concurrency() counts the machine's.
int usable_processors();

//! From now on the calling thread, and those that it starts, have the processor only where nothing else wants it much
//! (nice 19).
void give_way();

}  // namespace resolute::core
