#pragma once
//! \file
//! A file system in which any one operation fails when told to: how tests show that a full disk, a lost rename or a
//! failed fsync leaves nothing half written. Everything else goes to the machine's. Any thread may use it, but fail().
//!
//!     FaultyFileSystem files;
//!     files.fail(FaultyFileSystem::kWrite, 3, ENOSPC);   // the fourth write
//!     EXPECT_THROW(write_something(files), core::RuntimeError);

#include <array>
#include <atomic>
#include <cerrno>
#include <optional>

#include "core/error.h"
#include "tests/support/watched_file_system.h"

namespace resolute::tests {

class FaultyFileSystem : public WatchedFileSystem {
 public:
  //! The `nth` (from 0) operation of this kind from now on fails with `error_number`; a write leaves half of its bytes.
  void fail(Call operation, int nth, int error_number = ENOSPC) {
    for (auto& count : counts_) count = 0;
    fault_ = Fault{operation, nth, error_number};
    fired_ = false;
  }
  //! How many of this kind there were since fail() or the start.
  int count(Call operation) const { return counts_[static_cast<std::size_t>(operation)]; }
  //! Whether the fault has struck.
  bool fired() const { return fired_; }

 private:
  struct Fault {
    Call operation;
    int nth;
    int error_number;
  };
  void before(Call operation, const std::filesystem::path& path) override {
    const int number = counts_[static_cast<std::size_t>(operation)]++;
    if (!fault_ || fault_->operation != operation || fault_->nth != number) return;
    fired_ = true;
    throw core::system_error(fmt::format("injected failure at '{}'", path.string()), fault_->error_number);
  }

  std::array<std::atomic<int>, kCalls> counts_{};
  std::optional<Fault> fault_;
  std::atomic<bool> fired_ = false;
};

}  // namespace resolute::tests
