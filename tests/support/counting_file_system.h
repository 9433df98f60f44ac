#pragma once
//! \file
//! The machine's file system, which counts what it is asked.

#include <atomic>
#include <string>
#include <vector>

#include "tests/support/forwarding_file_system.h"

namespace resolute::tests {

class CountingFileSystem final : public ForwardingFileSystem {
 public:
  core::Bytes read(const std::filesystem::path& path, std::uint64_t limit) override {
    ++reads;
    return ForwardingFileSystem::read(path, limit);
  }
  bool exists(const std::filesystem::path& path) override {
    ++looks;
    return ForwardingFileSystem::exists(path);
  }
  std::vector<std::string> list(const std::filesystem::path& folder) override {
    ++listings;
    return ForwardingFileSystem::list(folder);
  }
  std::atomic<int> reads = 0, looks = 0, listings = 0;
};

}  // namespace resolute::tests
