#pragma once
//! \file
//! The machine's file system, in which a test lets calls fail as long and where it likes.
//!
//!     SickFileSystem files;
//!     files.sick = [&](SickFileSystem::Call call, const std::filesystem::path& path) {
//!       return call == SickFileSystem::kMkdir && clock.now() < end ? EIO : 0;
//!     };

#include <functional>
#include <optional>

#include "core/error.h"
#include "tests/support/watched_file_system.h"

namespace resolute::tests {

class SickFileSystem final : public WatchedFileSystem {
 public:
  //! errno of what the call says of the path; 0: nothing is wrong. kSyncPath is asked as kSync.
  std::function<int(Call, const std::filesystem::path&)> sick = [](Call, const std::filesystem::path&) { return 0; };
  //! Calls that failed.
  int failures = 0;

  //! ENOENT is the answer here, and no error.
  bool exists(const std::filesystem::path& path) override {
    return unless_missing(false, [&] { return WatchedFileSystem::exists(path); });
  }
  std::optional<core::FileIdentity> identity(const std::filesystem::path& path) override {
    return unless_missing(std::optional<core::FileIdentity>(), [&] { return WatchedFileSystem::identity(path); });
  }

 private:
  template <class T, class Ask>
  static T unless_missing(T missing, const Ask& ask) {
    try {
      return ask();
    } catch (const core::RuntimeError& error) {
      if (!error.is_missing()) throw;
      return missing;
    }
  }
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
