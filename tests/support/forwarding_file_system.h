#pragma once
//! \file
//! The machine's file system, to be changed in one member by a test.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/files/file_system.h"

namespace resolute::tests {

class ForwardingFileSystem : public core::FileSystem {
 public:
  std::unique_ptr<core::WritableFile> open_for_write(const std::filesystem::path& path, core::OpenMode mode) override {
    return inner_.open_for_write(path, mode);
  }
  core::Bytes read(const std::filesystem::path& path, std::uint64_t limit) override { return inner_.read(path, limit); }
  bool exists(const std::filesystem::path& path) override { return inner_.exists(path); }
  std::vector<std::string> list(const std::filesystem::path& folder) override { return inner_.list(folder); }
  bool make_folder(const std::filesystem::path& folder) override { return inner_.make_folder(folder); }
  std::optional<core::FileIdentity> identity(const std::filesystem::path& path) override {
    return inner_.identity(path);
  }
  void rename(const std::filesystem::path& from, const std::filesystem::path& to) override { inner_.rename(from, to); }
  bool link(const std::filesystem::path& from, const std::filesystem::path& to) override {
    return inner_.link(from, to);
  }
  void remove(const std::filesystem::path& path) override { inner_.remove(path); }
  bool remove_folder(const std::filesystem::path& folder) override { return inner_.remove_folder(folder); }
  void sync_path(const std::filesystem::path& path) override { inner_.sync_path(path); }

 private:
  core::FileSystem& inner_ = core::real_file_system();
};

}  // namespace resolute::tests
