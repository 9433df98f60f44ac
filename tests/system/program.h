#pragma once
//! \file
//! Runs the built programs as a user does, in a folder of its own, for the system tests.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "core/file_system.h"
#include "core/process.h"
#include "tests/support/folders.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/wait.h"

namespace resolute::system_test {

namespace fs = std::filesystem;
using core::CommandOutput;

inline const fs::path kBin = tests::binary_folder() / "bin";
inline const fs::path kTinySuite = tests::source_folder() / "tests/system/tiny.toml";

//! What the programs see: this process's environment, Open MPI allowed to run as root and to share cores.
inline std::map<std::string, std::string> program_environment() {
  auto environment = core::current_environment();
  environment["OMPI_ALLOW_RUN_AS_ROOT"] = "1";
  environment["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1";
  environment["OMPI_MCA_rmaps_base_oversubscribe"] = "1";
  environment["OMPI_MCA_hwloc_base_binding_policy"] = "none";
  return environment;
}

inline CommandOutput run_program(std::vector<std::string> arguments,
                                 std::map<std::string, std::string> environment = program_environment()) {
  core::SpawnRequest request;
  request.arguments = std::move(arguments);
  request.environment = std::move(environment);
  return core::run_command(std::move(request), std::chrono::minutes(5));
}

//! `resolute` with these arguments.
inline CommandOutput resolute(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), (kBin / "resolute").string());
  return run_program(std::move(arguments));
}

inline int code_of(const CommandOutput& output) {
  const auto* exited = std::get_if<core::Exited>(&output.status);
  return exited != nullptr ? exited->code : -1;
}

//! Every process whose command line holds all of `words`.
inline std::vector<pid_t> processes_with(const std::vector<std::string>& words) {
  std::vector<pid_t> found;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ostringstream text;  // stays empty where the process ends meanwhile: the stream keeps that exception to itself
    text << std::ifstream(entry.path() / "cmdline", std::ios::binary).rdbuf();
    const std::string line = text.str();
    bool all = !line.empty();
    for (const auto& word : words) all = all && line.find(word) != std::string::npos;
    if (all) found.push_back(static_cast<pid_t>(std::stol(name)));
  }
  return found;
}

//! Waits until `holds`, at most `limit`. \return whether it came to hold
inline bool wait_until(const std::function<bool()>& holds, std::chrono::seconds limit = std::chrono::seconds(60)) {
  return tests::wait_until(holds, limit, std::chrono::milliseconds(5));
}

//! A folder that goes with the test.
using ScratchFolder = tests::TemporaryFolder;

inline std::string text_of(const fs::path& path) { return core::read_text(core::real_file_system(), path); }

//! Expects the one line of a refusal: exit code, `resolute: …` and nothing else on stderr, nothing on stdout.
inline void expect_refusal(const CommandOutput& output, int code, const std::string& part) {
  EXPECT_EQ(code_of(output), code) << output.err;
  EXPECT_EQ(output.out, "");
  EXPECT_EQ(output.err.rfind("resolute: ", 0), 0U) << output.err;
  EXPECT_EQ(std::count(output.err.begin(), output.err.end(), '\n'), 1) << output.err;
  EXPECT_NE(output.err.find(part), std::string::npos) << output.err;
}

}  // namespace resolute::system_test
