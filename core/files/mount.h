#pragma once
//! \file
//! The file system in which a folder lies. If an automounter is late, or a mount is lost, nothing is in the folder, and
//! every call answers as if somebody had removed it.

#include <cstdint>
#include <filesystem>

#include "core/files/file_system.h"

namespace resolute::core {

class Mount {
 public:
  //! \param folder where it is not there, nothing is ever gone \throws RuntimeError as system_error()
  Mount(FileSystem& files, std::filesystem::path folder);
  //! True where the folder is not there and another file system is at its mount point, or none, or that does not
  //! answer.
  bool is_gone(FileSystem& files) const;
  //! \throws RuntimeError (is_storage()) if it is gone
  void require_there(FileSystem& files) const;
  //! True for an error of a call in the folder whose errno speaks of the call, where the store fails too: its
  //! probe_storage() does (a ticket has run out: EACCES), or, where something is missing, its mount is gone.
  bool storage_fails_too(FileSystem& files, const RuntimeError& error) const;

 private:
  std::filesystem::path folder_;
  std::filesystem::path point_;  // the folder or one above it
  std::uint64_t device_ = 0;     // 0: unknown
};

}  // namespace resolute::core
