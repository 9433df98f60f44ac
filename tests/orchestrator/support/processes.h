#pragma once
//! \file
//! Processes as /proc tells of them, and waiting for what they do.

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string>
#include <thread>

#include "core/clock.h"
#include "core/files/file_system.h"
#include "tests/support/wait.h"

namespace resolute::tests {

inline bool eventually(const std::function<bool()>& holds, std::chrono::seconds limit = kPatience) {
  const auto deadline = core::monotonic_clock().now() + limit;
  while (!holds()) {
    if (core::monotonic_clock().now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

//! Dead, or a zombie that its reaper has not collected.
inline bool gone(pid_t process) {
  const auto text = [&] {
    try {
      return core::read_text_if_exists(core::real_file_system(), fmt::format("/proc/{}/stat", process)).value_or("");
    } catch (const core::RuntimeError&) {
      return std::string();
    }
  }();
  return text.empty() || text.find(") Z") != std::string::npos;
}

//! The parent of a process that lives: of a rank, its spawner.
inline pid_t parent_of(pid_t process) {
  const std::string stat = core::read_text(core::real_file_system(), fmt::format("/proc/{}/stat", process));
  return std::stoi(stat.substr(stat.rfind(") ") + 4));
}

}  // namespace resolute::tests
