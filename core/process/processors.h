#pragma once
//! \file
//! Which processor cores this process may use, and how badly it wants them.

#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

namespace resolute::core {

//! Numbers of the logical processors of the process's affinity mask, as SLURM, taskset and containers set it,
//! ascending; one or more. \throws RuntimeError where the kernel does not tell
std::vector<int> usable_processor_numbers();
//! How many these are, or how many the process's control groups give it the time of (a container's `--cpus`), whichever
//! is less. The C++ library's hardware_concurrency() counts the machine's.
int usable_processors();

//! Folders of the control groups whose limits hold for this process: its own and those above it, of a controller
//! ("cpu", "memory") in version 1 and of all in version 2. \param machine below which /proc and /sys lie
std::vector<std::filesystem::path> control_group_folders(std::string_view controller,
                                                         const std::filesystem::path& machine = "/");
//! Processors whose time the control groups give, rounded up; nothing where they do not bound it.
std::optional<int> processor_quota(const std::filesystem::path& machine = "/");

//! From now on the calling thread, and those that it starts, have the processor only where nothing else wants it much
//! (nice 19).
void give_way();

}  // namespace resolute::core
