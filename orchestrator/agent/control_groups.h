#pragma once
//! \file
//! Control groups of the kernel (cgroup v2): one for each rank, where this process may make them. A single write ends
//! all that is in one, also what has left the rank's process group, its session and its parents.

#include <chrono>
#include <filesystem>
#include <string>

#include "core/process/process.h"

namespace resolute::orchestrator {

//! The folder of this process's own group; empty where there is no cgroup v2. \param proc "/proc/self", or a test's
std::filesystem::path own_control_group(const std::filesystem::path& proc = "/proc/self");

//! A new group below own_control_group() that will hold those of a spawner's ranks; empty where none can be made.
std::filesystem::path make_control_groups();

//! Makes a group. \return whether it is there and can be killed (Linux 5.14); else nothing is left
bool make_control_group(const std::filesystem::path& group);

//! For core::SpawnRequest::control_group; invalid if there is none.
core::FileDescriptor open_control_group(const std::filesystem::path& group);

//! SIGKILL to all that is in the group and in those below it. Does nothing where there is none.
void kill_control_group(const std::filesystem::path& group);

//! Removes a group in which nothing is left, and those below it. \return whether it is gone
bool remove_control_group(const std::filesystem::path& group);

//! Kills and removes a group; gives up after `limit`: a process in a hanging system call keeps it.
void end_control_group(const std::filesystem::path& group, std::chrono::milliseconds limit);

//! Tries to make a group here, to start a process in it, and to kill the process by it. \return why not; empty: it can
std::string why_no_control_groups();

}  // namespace resolute::orchestrator
