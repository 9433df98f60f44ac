#pragma once
//! \file
//! The machine's file system, whose calls a test sees one by one: it counts them, delays them or lets them fail. Syncs
//! sync nothing, as tests pull no plug.

#include <filesystem>
#include <memory>
#include <utility>

#include "tests/support/forwarding_file_system.h"

namespace resolute::tests {

class WatchedFileSystem : public ForwardingFileSystem {
 public:
  //! kExists: identity() too; kRemove: remove_folder() too; kSyncPath: of a folder's entries
  //! or a closed file. Tests draw among the first ten.
  enum Call { kOpen, kWrite, kSync, kRead, kExists, kList, kMkdir, kRename, kLink, kRemove, kClose, kSyncPath, kCalls };

  std::unique_ptr<core::WritableFile> open_for_write(const std::filesystem::path& path, core::OpenMode mode) override {
    return around(kOpen, path, [&]() -> std::unique_ptr<core::WritableFile> {
      return std::make_unique<File>(*this, ForwardingFileSystem::open_for_write(path, mode), path);
    });
  }
  core::Bytes read(const std::filesystem::path& path, std::uint64_t limit) override {
    return around(kRead, path, [&] { return ForwardingFileSystem::read(path, limit); });
  }
  bool exists(const std::filesystem::path& path) override {
    return around(kExists, path, [&] { return ForwardingFileSystem::exists(path); });
  }
  std::vector<std::string> list(const std::filesystem::path& folder) override {
    return around(kList, folder, [&] { return ForwardingFileSystem::list(folder); });
  }
  bool make_folder(const std::filesystem::path& folder) override {
    return around(kMkdir, folder, [&] { return ForwardingFileSystem::make_folder(folder); });
  }
  std::optional<core::FileIdentity> identity(const std::filesystem::path& path) override {
    return around(kExists, path, [&] { return ForwardingFileSystem::identity(path); });
  }
  void rename(const std::filesystem::path& from, const std::filesystem::path& to) override {
    around(kRename, to, [&] { return ForwardingFileSystem::rename(from, to), 0; });
  }
  bool link(const std::filesystem::path& from, const std::filesystem::path& to) override {
    return around(kLink, to, [&] { return ForwardingFileSystem::link(from, to); });
  }
  void remove(const std::filesystem::path& path) override {
    around(kRemove, path, [&] { return ForwardingFileSystem::remove(path), 0; });
  }
  bool remove_folder(const std::filesystem::path& folder) override {
    return around(kRemove, folder, [&] { return ForwardingFileSystem::remove_folder(folder); });
  }
  void sync_path(const std::filesystem::path& path) override { before(kSyncPath, path); }

 protected:
  //! Before each call (of a write: when half of its bytes are written); what it throws is the call's error. Of a rename
  //! and a link `path` is the new one.
  virtual void before(Call call, const std::filesystem::path& path) = 0;
  //! After each call that is not a sync or a close.
  virtual void after() {}

 private:
  class File final : public core::WritableFile {
   public:
    File(WatchedFileSystem& files, std::unique_ptr<core::WritableFile> inner, std::filesystem::path path)
        : files_(files), inner_(std::move(inner)), path_(std::move(path)) {}
    void write(std::span<const std::byte> bytes) override {
      inner_->write(bytes.first(bytes.size() / 2));
      files_.around(kWrite, path_, [&] { return inner_->write(bytes.subspan(bytes.size() / 2)), 0; });
    }
    void write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
      const std::size_t half = bytes.size() / 2;
      inner_->write_at(offset, bytes.first(half));
      files_.around(kWrite, path_, [&] { return inner_->write_at(offset + half, bytes.subspan(half)), 0; });
    }
    void sync() override { files_.before(kSync, path_); }
    void close() override {
      files_.before(kClose, path_);
      inner_->close();
    }

   private:
    WatchedFileSystem& files_;
    std::unique_ptr<core::WritableFile> inner_;
    std::filesystem::path path_;
  };

  template <class Operation>
  std::invoke_result_t<Operation> around(Call call, const std::filesystem::path& path, Operation operation) {
    before(call, path);
    auto result = operation();
    after();
    return result;
  }
};

}  // namespace resolute::tests
