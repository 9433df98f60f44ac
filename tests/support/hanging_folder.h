#pragma once
//! \file
//! A folder in which open() hangs, as on a file server that is away, for every process but those that the kernel lets
//! through (root alone can make one). fanotify asks this process whether a file may be opened, and gets no answer.

#include <fcntl.h>
#include <sys/fanotify.h>

#include <filesystem>

#include "core/process/process.h"

namespace resolute::tests {

class HangingFolder {
 public:
  //! From now on nothing in the folder can be opened, by this process neither.
  explicit HangingFolder(const std::filesystem::path& folder)
      : listener_(::fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK, O_RDONLY)) {
    if (listener_.valid() && ::fanotify_mark(listener_.get(), FAN_MARK_ADD, FAN_OPEN_PERM | FAN_EVENT_ON_CHILD,
                                             AT_FDCWD, folder.c_str()) != 0)
      listener_.reset();
  }
  //! False where the kernel refuses: nothing hangs then.
  bool hangs() const { return listener_.valid(); }
  //! All that waits goes on.
  void answer() { listener_.reset(); }

 private:
  core::FileDescriptor listener_;
};

}  // namespace resolute::tests
