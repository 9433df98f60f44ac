#pragma once
//! \file
//! How many processor cores this process may use.

namespace resolute::core {

//! Cores of the process's affinity mask, as SLURM, taskset and containers set it; 1 or more. The C++ library's
//! hardware_concurrency() counts the machine's.
int usable_processors();

}  // namespace resolute::core
