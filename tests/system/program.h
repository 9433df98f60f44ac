#pragma once
//! \file
//! Runs the built programs as a user does, in a folder of its own, for the system tests.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "core/files/json.h"
#include "core/process/process.h"
#include "tests/support/folders.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/wait.h"

namespace resolute::system_test {

namespace fs = std::filesystem;
using core::CommandOutput;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using Words = std::vector<std::string>;  //!< of a command line

inline const fs::path kBin = tests::binary_folder() / "bin";
inline const fs::path kTinySuite = tests::source_folder() / "tests/system/tiny.toml";

inline Words joined(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

//! What the programs see: this process's environment, Open MPI allowed to run as root and to share cores.
inline std::map<std::string, std::string> program_environment() {
  auto environment = core::current_environment();
  environment["OMPI_ALLOW_RUN_AS_ROOT"] = "1";
  environment["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1";
  environment["OMPI_MCA_rmaps_base_oversubscribe"] = "1";
  environment["OMPI_MCA_hwloc_base_binding_policy"] = "none";
  return environment;
}

inline core::SpawnRequest program(Words arguments,
                                  std::map<std::string, std::string> environment = program_environment()) {
  return {.arguments = std::move(arguments), .environment = std::move(environment)};
}

inline CommandOutput run_program(Words arguments,
                                 std::map<std::string, std::string> environment = program_environment()) {
  return core::run_command(program(std::move(arguments), std::move(environment)), tests::kPatience);
}

//! `resolute` with these arguments.
inline CommandOutput resolute(Words arguments) {
  arguments.insert(arguments.begin(), (kBin / "resolute").string());
  return run_program(std::move(arguments));
}

inline int code_of(const CommandOutput& output) {
  const auto* exited = std::get_if<core::Exited>(&output.status);
  return exited != nullptr ? exited->code : -1;
}

//! The output of a program that shall have ended with exit code 0: otherwise the test ends here, with what it said.
inline CommandOutput succeeded(CommandOutput output) {
  if (code_of(output) == 0) return output;
  throw std::runtime_error(core::describe(output.status) + ": " + output.out + output.err);
}

//! What a program that succeeded prints as JSON.
inline core::Json json_of(const CommandOutput& output) {
  return core::parse_json(succeeded(output).out, "what the program prints");
}

//! Waits for a process of one's own. \return how it ended: "exit code 0", …
inline std::string ended(pid_t process) {
  int word = 0;
  EXPECT_EQ(::waitpid(process, &word, 0), process);
  return core::describe(core::to_exit_status(word));
}

//! `resolute` in the background, which ends with this at the latest; what it prints in a file.
class Background {
 public:
  Background(const std::vector<std::string>& arguments, const fs::path& out) {
    core::SpawnRequest request = program(joined({kBin / "resolute"}, arguments));
    std::FILE* file = std::fopen(out.c_str(), "w");
    request.descriptors = {{1, ::fileno(file)}, {2, ::fileno(file)}};
    pid_ = core::spawn_process(request);
    std::fclose(file);
  }
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;
  ~Background() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      wait();
    }
  }
  int wait() {
    int word = 0;
    while (::waitpid(pid_, &word, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return WIFEXITED(word) ? WEXITSTATUS(word) : 128 + WTERMSIG(word);
  }

 private:
  pid_t pid_ = -1;
};

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
inline bool wait_until(const std::function<bool()>& holds, std::chrono::seconds limit = tests::kPatience) {
  return tests::wait_until(holds, limit, std::chrono::milliseconds(5));
}

//! A folder that goes with the test.
using ScratchFolder = tests::TemporaryFolder;

//! All tests of such a suite share one folder, with a store in it.
class SharedFolder : public testing::Test {
 protected:
  static void SetUpTestSuite() { scratch_ = std::make_unique<ScratchFolder>(); }
  static void TearDownTestSuite() { scratch_.reset(); }
  static fs::path store() { return *scratch_ / "store"; }

  static inline std::unique_ptr<ScratchFolder> scratch_;
};

inline std::string text_of(const fs::path& path) { return core::read_text(core::real_file_system(), path); }
inline core::Json json_of(const fs::path& path) { return core::parse_json(text_of(path), path.string()); }
inline void write(const fs::path& path, std::string_view text) {
  core::write_atomic(core::real_file_system(), path, text);
}
inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

//! Expects the one line of a refusal: exit code, `resolute: …` and nothing else on stderr, nothing on stdout.
inline void expect_refusal(const CommandOutput& output, int code, const std::string& part) {
  EXPECT_EQ(code_of(output), code) << output.err;
  EXPECT_EQ(output.out, "");
  EXPECT_EQ(output.err.rfind("resolute: ", 0), 0U) << output.err;
  EXPECT_EQ(std::count(output.err.begin(), output.err.end(), '\n'), 1) << output.err;
  EXPECT_NE(output.err.find(part), std::string::npos) << output.err;
}

}  // namespace resolute::system_test
