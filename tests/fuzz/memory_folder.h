#pragma once
//! \file
//! File systems of a fuzzer: that nobody can write, for what reads its input from a path; and of one file.

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/files/file_system.h"

namespace resolute::tests {

//! Nobody can write it.
class UnwritableFiles : public core::FileSystem {
 public:
  std::unique_ptr<core::WritableFile> open_for_write(const std::filesystem::path&, core::OpenMode) override {
    refuse();
  }
  bool make_folder(const std::filesystem::path&) override { refuse(); }
  void rename(const std::filesystem::path&, const std::filesystem::path&) override { refuse(); }
  bool link(const std::filesystem::path&, const std::filesystem::path&) override { refuse(); }
  void remove(const std::filesystem::path&) override { refuse(); }
  void sync_path(const std::filesystem::path&) override { refuse(); }

 private:
  [[noreturn]] static void refuse() { throw core::ContractError("a reader writes"); }
};

//! One file in its folder.
class MemoryFolder : public UnwritableFiles {
 public:
  MemoryFolder(std::filesystem::path path, std::string_view text) : path_(std::move(path)), text_(text) {}

  core::Bytes read(const std::filesystem::path& path, std::uint64_t) override {
    if (path != path_) throw core::system_error("cannot open '" + path.string() + "'", ENOENT);
    const auto bytes = core::as_byte_span(text_);
    return {bytes.begin(), bytes.end()};
  }
  bool exists(const std::filesystem::path& path) override { return path == path_ || path == path_.parent_path(); }
  std::vector<std::string> list(const std::filesystem::path&) override { return {path_.filename().string()}; }

 private:
  std::filesystem::path path_;
  std::string text_;
};

//! Keeps what is written, whatever the path, apart from what is read.
class WrittenFile final : public MemoryFolder {
 public:
  explicit WrittenFile(std::filesystem::path path, std::string_view text = {}) : MemoryFolder(std::move(path), text) {}
  std::unique_ptr<core::WritableFile> open_for_write(const std::filesystem::path&, core::OpenMode) override {
    return std::make_unique<Sink>(written);
  }
  bool make_folder(const std::filesystem::path&) override { return false; }
  void rename(const std::filesystem::path&, const std::filesystem::path&) override {}
  void remove(const std::filesystem::path&) override {}
  void sync_path(const std::filesystem::path&) override {}

  std::string written;

 private:
  class Sink final : public core::WritableFile {
   public:
    explicit Sink(std::string& to) : to_(to) {}
    void write(std::span<const std::byte> bytes) override { to_ += core::as_text(bytes); }
    void sync() override {}
    void close() override {}

   private:
    std::string& to_;
  };
};

}  // namespace resolute::tests
