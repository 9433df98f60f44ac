#pragma once
//! \file
//! A rank's log files: opened for appending, so that a rank goes on at the new end after its log was cut.

#include <cstdint>
#include <string>

#include "core/process.h"

namespace resolute::orchestrator {

//! \throws RuntimeError if it cannot be made
core::FileDescriptor open_log(const std::string& path);

//! The last line that is not empty, of the file's last 8 KiB; at most 500 bytes. Empty if there is none.
std::string last_line_of(const std::string& path);

//! Cuts a log over `limit` bytes to its first and its last quarter of them, with a line between that says so. What is
//! written to it in this moment may be lost. Where the disk takes nothing, the log keeps its length, and its ends.
void cut_log(const std::string& path, std::uint64_t limit);

}  // namespace resolute::orchestrator
