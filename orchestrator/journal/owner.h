#pragma once
//! \file
//! The owner of a suite: one process at a time writes its journal. Each epoch has an owner file that its run renews; a
//! new run takes the next epoch only when the last one's owner has ended, is known to be dead, or has stopped renewing.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "core/files/file_system.h"

namespace resolute::orchestrator {

//! Suite folder's `owner-NNNNNN`: {"boot", "counter", "ended", "host", "pid_namespace", "process", "start"}
//! (docs/inside/formats/journal.md).
struct Owner {
  std::string host;
  std::string boot;           //!< the kernel's boot id: a process id means nothing beyond it
  std::string pid_namespace;  //!< nor outside of this one (`pid:[4026531836]`); empty: unknown
  std::int64_t process = 0;
  std::uint64_t start = 0;   //!< the process's start in clock ticks, which tells it from a later one of the same id
  std::int64_t counter = 0;  //!< grows while the run lives
  bool ended = false;
};

//! This process.
Owner this_owner();
std::filesystem::path owner_file(const std::filesystem::path& suite_folder, std::int64_t epoch);
//! The suite's folder has to be there.
void write_owner(core::FileSystem& files, const std::filesystem::path& suite_folder, std::int64_t epoch,
                 const Owner& owner);
//! Nothing if there is no owner file, or if something else lies in its place (an empty file, garbage, a folder, a file
//! that may not be read). Such an owner is watched as an unknown one; its run, if it lives, soon writes the file again.
//! \throws RuntimeError for errors of the store
std::optional<Owner> read_owner(core::FileSystem& files, const std::filesystem::path& suite_folder, std::int64_t epoch);

//! kAlive: its process exists. kUnknown: its process is on another host, in another name space of process ids, or
//! hidden: only its counter tells.
enum class OwnerLife { kEnded, kAlive, kUnknown };
//! Ended only where that is certain: the owner said so, or the kernel says that its process is gone.
OwnerLife life_of(const Owner& owner);

//! Returns when epoch `epoch` has no live owner. It returns at once if the owner has ended or its process is gone; else
//! when its counter has stood still for `watch`, even if the process exists. A process that was stopped for that long
//! has lost its suite, and finds out before it acts again (JournalWriter::sync()). A run that has just begun may have
//! no owner file yet.
//! \throws RuntimeError (kTransient) naming the owner as soon as its counter moves
void require_no_owner(core::FileSystem& files, const std::filesystem::path& suite_folder, std::int64_t epoch,
                      std::chrono::milliseconds watch);

}  // namespace resolute::orchestrator
