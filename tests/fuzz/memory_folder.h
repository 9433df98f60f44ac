#pragma once
//! \file
//! A file system of one file that nobody can write, for what reads its input from a path.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/files/file_system.h"

namespace resolute::tests {

class MemoryFolder final : public core::FileSystem {
 public:
  MemoryFolder(std::filesystem::path path, std::string_view text) : path_(std::move(path)), text_(text) {}

  core::Bytes read(const std::filesystem::path& path, std::uint64_t) override {
    if (path != path_) throw core::system_error("cannot open '" + path.string() + "'", ENOENT);
    const auto bytes = core::as_byte_span(text_);
    return {bytes.begin(), bytes.end()};
  }
  bool exists(const std::filesystem::path& path) override { return path == path_ || path == path_.parent_path(); }
  std::vector<std::string> list(const std::filesystem::path&) override { return {path_.filename().string()}; }
  std::unique_ptr<core::WritableFile> open_for_write(const std::filesystem::path&, core::OpenMode) override {
    refuse();
  }
  void create_directories(const std::filesystem::path&) override { refuse(); }
  void rename(const std::filesystem::path&, const std::filesystem::path&) override { refuse(); }
  bool link(const std::filesystem::path&, const std::filesystem::path&) override { refuse(); }
  void remove(const std::filesystem::path&) override { refuse(); }
  void sync_path(const std::filesystem::path&) override { refuse(); }

 private:
  [[noreturn]] static void refuse() { throw core::ContractError("a reader writes"); }
  std::filesystem::path path_;
  std::string text_;
};

}  // namespace resolute::tests
