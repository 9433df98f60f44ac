#pragma once
//! \file
//! A control group of the kernel's in which processes may take so much memory and no more, of version 1 or 2.

#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/wait.h"

namespace resolute::tests {

//! Goes with the test, once what is in it has ended.
class MemoryGroup {
 public:
  explicit MemoryGroup(std::int64_t bytes) {
    const std::filesystem::path all = "/sys/fs/cgroup";
    const bool separate = std::filesystem::is_directory(all / "memory");
    const std::filesystem::path parent = separate ? all / "memory" : all;
    if (!separate) write(parent / "cgroup.subtree_control", "+memory");
    const auto folder = parent / ("resolute-test-" + std::to_string(::getpid()));
    std::error_code error;
    if (!std::filesystem::create_directory(folder, error)) return;
    folder_ = folder;
    made_ = write(folder / (separate ? "memory.limit_in_bytes" : "memory.max"), std::to_string(bytes));
    // A process that is swapped out would not be killed.
    if (separate) write(folder / "memory.memsw.limit_in_bytes", std::to_string(bytes));
    if (!separate) write(folder / "memory.swap.max", "0");
  }
  MemoryGroup(const MemoryGroup&) = delete;
  MemoryGroup& operator=(const MemoryGroup&) = delete;
  ~MemoryGroup() {
    if (folder_.empty()) return;
    std::error_code error;
    wait_until([&] { return std::filesystem::remove(folder_, error); }, kPatience, std::chrono::milliseconds(5));
  }

  //! False where this machine lets nobody make one.
  bool made() const { return made_; }
  //! A process that writes its number there is in the group, with all that it starts from then on.
  std::filesystem::path processes() const { return folder_ / "cgroup.procs"; }

 private:
  static bool write(const std::filesystem::path& file, const std::string& text) {
    return static_cast<bool>(std::ofstream(file, std::ios::in) << text << std::flush);
  }

  std::filesystem::path folder_;
  bool made_ = false;
};

}  // namespace resolute::tests
