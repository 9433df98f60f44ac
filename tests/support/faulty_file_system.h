#pragma once
//! \file
//! A file system in which any one operation fails when told to: how tests show that a full disk, a lost rename or a
//! failed fsync leaves nothing half written. Everything else goes to the wrapped one. Any thread may use it, but
//! fail().
//!
//!     FaultyFileSystem files;
//!     files.fail(FaultyFileSystem::kWrite, 3, ENOSPC);   // the fourth write
//!     EXPECT_THROW(write_something(files), core::RuntimeError);

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "core/error.h"
#include "core/file_system.h"

namespace resolute::tests {

class FaultyFileSystem : public core::FileSystem {
 public:
  enum Operation { kOpen, kWrite, kSync, kClose, kCreateDirectories, kRename, kLink, kSyncPath, kRead, kOperations };

  explicit FaultyFileSystem(core::FileSystem& inner = core::real_file_system()) : inner_(inner) {}

  //! The `nth` (from 0) operation of this kind from now on fails with `error_number`; a write leaves half of its bytes.
  void fail(Operation operation, int nth, int error_number = ENOSPC) {
    for (auto& count : counts_) count = 0;
    fault_ = Fault{operation, nth, error_number};
    fired_ = false;
  }
  //! How many of this kind there were since fail() or the start.
  int count(Operation operation) const { return counts_[static_cast<std::size_t>(operation)]; }
  //! Whether the fault has struck.
  bool fired() const { return fired_; }

  std::unique_ptr<core::WritableFile> open_for_write(const std::filesystem::path& path, core::OpenMode mode) override {
    pass(kOpen, path);
    return std::make_unique<File>(*this, inner_.open_for_write(path, mode), path);
  }
  core::Bytes read(const std::filesystem::path& path, std::uint64_t limit) override {
    pass(kRead, path);
    return inner_.read(path, limit);
  }
  bool exists(const std::filesystem::path& path) override { return inner_.exists(path); }
  std::vector<std::string> list(const std::filesystem::path& folder) override { return inner_.list(folder); }
  void create_directories(const std::filesystem::path& folder) override {
    pass(kCreateDirectories, folder);
    inner_.create_directories(folder);
  }
  bool make_folder(const std::filesystem::path& folder) override {
    pass(kCreateDirectories, folder);
    return inner_.make_folder(folder);
  }
  std::optional<core::FileIdentity> identity(const std::filesystem::path& path) override {
    return inner_.identity(path);
  }
  void rename(const std::filesystem::path& from, const std::filesystem::path& to) override {
    pass(kRename, from);
    inner_.rename(from, to);
  }
  bool link(const std::filesystem::path& from, const std::filesystem::path& to) override {
    pass(kLink, from);
    return inner_.link(from, to);
  }
  void remove(const std::filesystem::path& path) override { inner_.remove(path); }
  bool remove_folder(const std::filesystem::path& folder) override { return inner_.remove_folder(folder); }
  void sync_path(const std::filesystem::path& path) override {
    pass(kSyncPath, path);
    inner_.sync_path(path);
  }

 private:
  struct Fault {
    Operation operation;
    int nth;
    int error_number;
  };

  class File final : public core::WritableFile {
   public:
    File(FaultyFileSystem& files, std::unique_ptr<core::WritableFile> inner, std::filesystem::path path)
        : files_(files), inner_(std::move(inner)), path_(std::move(path)) {}
    void write(std::span<const std::byte> bytes) override {
      if (files_.strikes(kWrite)) {
        inner_->write(bytes.first(bytes.size() / 2));
        files_.raise(path_);
      }
      inner_->write(bytes);
    }
    void write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
      if (files_.strikes(kWrite)) {
        inner_->write_at(offset, bytes.first(bytes.size() / 2));
        files_.raise(path_);
      }
      inner_->write_at(offset, bytes);
    }
    void sync() override {
      files_.pass(kSync, path_);
      inner_->sync();
    }
    void close() override {
      files_.pass(kClose, path_);
      inner_->close();
    }

   private:
    FaultyFileSystem& files_;
    std::unique_ptr<core::WritableFile> inner_;
    std::filesystem::path path_;
  };

  // Counts the operation; true if it is the one to fail.
  bool strikes(Operation operation) {
    int number = counts_[static_cast<std::size_t>(operation)]++;
    if (!fault_ || fault_->operation != operation || fault_->nth != number) return false;
    fired_ = true;
    return true;
  }
  [[noreturn]] void raise(const std::filesystem::path& path) const {
    throw core::system_error(fmt::format("injected failure at '{}'", path.string()), fault_->error_number);
  }
  void pass(Operation operation, const std::filesystem::path& path) {
    if (strikes(operation)) raise(path);
  }

  core::FileSystem& inner_;
  std::array<std::atomic<int>, kOperations> counts_{};
  std::optional<Fault> fault_;
  std::atomic<bool> fired_ = false;
};

}  // namespace resolute::tests
