#pragma once
//! \file
//! The machine's file system, in which a test lets calls fail as long and where it likes.
//!
//!     SickFileSystem files;
//!     files.sick = [&](SickFileSystem::Call call, const std::filesystem::path& path) {
//!       return call == SickFileSystem::kMkdir && clock.now() < end ? EIO : 0;
//!     };

#include <functional>
#include <memory>
#include <utility>

#include "core/error.h"
#include "tests/support/forwarding_file_system.h"

namespace resolute::tests {

class SickFileSystem final : public ForwardingFileSystem {
 public:
  enum Call { kOpen, kWrite, kSync, kRead, kExists, kList, kMkdir, kRename, kLink, kRemove };
  //! errno of what the call says of the path (of a rename or link: the new one); 0: nothing is wrong.
  std::function<int(Call, const std::filesystem::path&)> sick = [](Call, const std::filesystem::path&) { return 0; };
  //! Calls that failed.
  int failures = 0;

  std::unique_ptr<core::WritableFile> open_for_write(const std::filesystem::path& path, core::OpenMode mode) override {
    pass(kOpen, path);
    return std::make_unique<File>(*this, ForwardingFileSystem::open_for_write(path, mode), path);
  }
  core::Bytes read(const std::filesystem::path& path, std::uint64_t limit) override {
    pass(kRead, path);
    return ForwardingFileSystem::read(path, limit);
  }
  bool exists(const std::filesystem::path& path) override {
    pass(kExists, path);
    return ForwardingFileSystem::exists(path);
  }
  std::vector<std::string> list(const std::filesystem::path& folder) override {
    pass(kList, folder);
    return ForwardingFileSystem::list(folder);
  }
  void create_directories(const std::filesystem::path& folder) override {
    pass(kMkdir, folder);
    ForwardingFileSystem::create_directories(folder);
  }
  bool make_folder(const std::filesystem::path& folder) override {
    pass(kMkdir, folder);
    return ForwardingFileSystem::make_folder(folder);
  }
  std::optional<core::FileIdentity> identity(const std::filesystem::path& path) override {
    pass(kExists, path);
    return ForwardingFileSystem::identity(path);
  }
  void rename(const std::filesystem::path& from, const std::filesystem::path& to) override {
    pass(kRename, to);
    ForwardingFileSystem::rename(from, to);
  }
  bool link(const std::filesystem::path& from, const std::filesystem::path& to) override {
    pass(kLink, to);
    return ForwardingFileSystem::link(from, to);
  }
  void remove(const std::filesystem::path& path) override {
    pass(kRemove, path);
    ForwardingFileSystem::remove(path);
  }
  void sync_path(const std::filesystem::path& path) override { pass(kSync, path); }

 private:
  //! A write that fails leaves half of its bytes; a sync syncs nothing: tests pull no plug.
  class File final : public core::WritableFile {
   public:
    File(SickFileSystem& files, std::unique_ptr<core::WritableFile> inner, std::filesystem::path path)
        : files_(files), inner_(std::move(inner)), path_(std::move(path)) {}
    void write(std::span<const std::byte> bytes) override {
      inner_->write(bytes.first(bytes.size() / 2));
      files_.pass(kWrite, path_);
      inner_->write(bytes.subspan(bytes.size() / 2));
    }
    void write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
      inner_->write_at(offset, bytes.first(bytes.size() / 2));
      files_.pass(kWrite, path_);
      inner_->write_at(offset, bytes);
    }
    void sync() override { files_.pass(kSync, path_); }
    void close() override { inner_->close(); }

   private:
    SickFileSystem& files_;
    std::unique_ptr<core::WritableFile> inner_;
    std::filesystem::path path_;
  };

  void pass(Call call, const std::filesystem::path& path) {
    const int error_number = sick(call, path);
    if (error_number == 0) return;
    ++failures;
    throw core::system_error(fmt::format("call {} failed for '{}'", static_cast<int>(call), path.string()),
                             error_number);
  }
};

}  // namespace resolute::tests
