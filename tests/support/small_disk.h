#pragma once
//! \file
//! A file system of a test's own that can be filled.

#include <sched.h>
#include <sys/mount.h>

#include <filesystem>

namespace resolute::tests {

//! Mounts one on the folder, seen by this process and the children that it starts from then on. Whoever has it takes it
//! away again (umount2). \param size as "size=48m" \return whether this user may have one
inline bool mount_small_disk(const std::filesystem::path& folder, const char* size) {
  static const bool separate =
      ::unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
  return separate && ::mount("none", folder.c_str(), "tmpfs", 0, size) == 0;
}

}  // namespace resolute::tests
