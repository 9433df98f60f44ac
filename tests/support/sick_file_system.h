#pragma once
//! \file
//! The machine's file system, in which a test lets calls fail as long and where it likes.
//!
//!     SickFileSystem files;
//!     files.sick = [&](SickFileSystem::Call call, const std::filesystem::path& path) {
//!       return call == SickFileSystem::kMkdir && clock.now() < end ? EIO : 0;
//!     };

#include <functional>

#include "core/error.h"
#include "tests/support/watched_file_system.h"

namespace resolute::tests {

class SickFileSystem final : public WatchedFileSystem {
 public:
  //! errno of what the call says of the path; 0: nothing is wrong. kSyncPath is asked as kSync.
  std::function<int(Call, const std::filesystem::path&)> sick = [](Call, const std::filesystem::path&) { return 0; };
  //! Calls that failed.
  int failures = 0;

 private:
  void before(Call call, const std::filesystem::path& path) override {
    if (call == kClose) return;
    const int error_number = sick(call == kSyncPath ? kSync : call, path);
    if (error_number == 0) return;
    ++failures;
    throw core::system_error(fmt::format("call {} failed for '{}'", static_cast<int>(call), path.string()),
                             error_number);
  }
};

}  // namespace resolute::tests
