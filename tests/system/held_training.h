#pragma once
//! \file
//! A training of a running suite, stopped in its middle, for tests that kill something then.

#include <csignal>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <utility>

#include "tests/system/program.h"

namespace resolute::system_test {

//! State letter and parent of a process: of one that is gone, '\0' and 0.
inline std::pair<char, pid_t> state_and_parent(pid_t pid) {
  std::ostringstream read;  // stays empty where the process ends meanwhile: the stream keeps that exception to itself
  read << std::ifstream("/proc/" + std::to_string(pid) + "/stat").rdbuf();
  const std::string text = read.str();
  auto after = text.rfind(") ");
  if (after == std::string::npos) return {'\0', 0};
  return {text[after + 2], static_cast<pid_t>(std::stol(text.substr(after + 4)))};
}

struct Training {
  std::string job;
  pid_t worker = 0;  // its process rank 0, stopped
};

//! A training in its middle, held there: it has a checkpoint and no result, and its process rank 0 is stopped.
//! \param but jobs that are left alone
inline std::optional<Training> hold_a_training(const fs::path& store, const std::set<std::string>& but = {}) {
  using namespace std::string_literals;
  std::set<fs::path> jobs;
  auto has_checkpoint = [](const fs::path& job) {
    std::error_code error;
    for (fs::directory_iterator it(job / "checkpoints", error), end; !error && it != end; it.increment(error))
      if (it->path().filename().string().starts_with("step-")) return true;
    return false;
  };
  std::error_code error;
  for (fs::recursive_directory_iterator it(store / "jobs", error), end; !error && it != end; it.increment(error))
    if (it->path().filename() == "checkpoints") jobs.insert(it->path().parent_path());
  for (const fs::path& job : jobs) {
    const std::string id = job.filename();
    if (but.contains(id) || !has_checkpoint(job)) continue;
    for (pid_t pid : processes_with({"resolute-worker", store.string(), "--job\0"s + id, "--process-rank\0000\000"s})) {
      ::kill(pid, SIGSTOP);
      const bool stopped = wait_until([&] { return state_and_parent(pid).first == 'T'; }, std::chrono::seconds(1));
      // Its result is published before its checkpoints go.
      if (stopped && has_checkpoint(job) && !fs::exists(job / "result.json")) return Training{id, pid};
      ::kill(pid, SIGCONT);
    }
  }
  return std::nullopt;
}

//! Waits for one.
inline Training wait_for_a_training(const fs::path& store, const std::set<std::string>& but = {}) {
  std::optional<Training> training;
  EXPECT_TRUE(wait_until([&] { return (training = hold_a_training(store, but)).has_value(); }));
  return training.value_or(Training{});
}

}  // namespace resolute::system_test
