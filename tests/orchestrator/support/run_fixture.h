#pragma once
//! \file
//! Toy suites run by this very program in processes of its own (drive.h): what the kill tests share.

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <sstream>
#include <string>
#include <vector>

#include "core/process/process.h"
#include "operations/look/log.h"
#include "operations/look/status.h"
#include "orchestrator/run/run.h"
#include "tests/orchestrator/support/drive.h"
#include "tests/orchestrator/support/processes.h"
#include "tests/orchestrator/support/toy_suite.h"
#include "tests/support/temporary_folder.h"

namespace resolute::tests {

// One line of STORE/ran.
struct Ran {
  std::string job;
  int attempt = 0;
  int rank = 0;
  pid_t process = 0;
};

class Run : public testing::Test {
 protected:
  Run() { write_toy_worker(store() / "worker"); }

  std::filesystem::path store() const { return folder_.path(); }
  void behave(const std::string& script) {
    core::write_atomic(core::real_file_system(), store() / "behaviour", script);
  }
  orchestrator::RunOutcome run_here(const experiments::Plan& plan, int slots = 2) {
    return orchestrator::run_local(plan, toy_options(store(), slots));
  }

  // This program as coordinator, in a process of its own; under `launcher` with its agents.
  pid_t start(int jobs, int gang, int slots, const std::vector<std::string>& launcher = {}) {
    core::SpawnRequest request{.arguments = launcher};
    request.arguments.insert(request.arguments.end(), kDriveRole.command().begin(), kDriveRole.command().end());
    for (const auto& argument : {store().string(), std::to_string(jobs), std::to_string(gang), std::to_string(slots)})
      request.arguments.push_back(argument);
    request.environment = core::current_environment();
    for (const char* name :
         {"OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "OMPI_MCA_rmaps_base_oversubscribe"})
      request.environment[name] = "1";
    request.environment["OMPI_MCA_hwloc_base_binding_policy"] = "none";
    std::FILE* log = std::fopen((store() / "log").c_str(), "a");
    request.descriptors = {{1, ::fileno(log)}, {2, ::fileno(log)}};
    pid_t process = core::spawn_process(request);
    std::fclose(log);
    return process;
  }
  static int wait_for(pid_t process) {
    int word = 0;
    while (::waitpid(process, &word, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(word) ? WEXITSTATUS(word) : 128 + WTERMSIG(word);
  }
  std::string text(const char* name) const {
    return core::read_text_if_exists(core::real_file_system(), store() / name).value_or("");
  }
  std::vector<Ran> ran() const {
    std::vector<Ran> lines;
    std::istringstream all(text("ran"));
    for (std::string line; std::getline(all, line);) {
      std::istringstream words(line);
      Ran one;
      if (words >> one.job >> one.attempt >> one.rank >> one.process) lines.push_back(one);
    }
    return lines;
  }
  std::string log() const {
    std::ostringstream to;
    operations::print_log(core::real_file_system(), experiments::StoreLayout(store()), "toy", {}, to);
    return to.str();
  }
  pid_t process_of(int launched_rank) const {
    const std::string name = fmt::format("process-{}", launched_rank);
    EXPECT_TRUE(eventually([&] { return text(name.c_str()).ends_with("\n"); }));
    return std::stoi(text(name.c_str()));
  }
  int results_there(const experiments::Plan& plan) const {
    const experiments::StoreLayout layout(store());
    return static_cast<int>(std::count_if(plan.jobs.begin(), plan.jobs.end(), [&](const auto& job) {
      return std::filesystem::exists(layout.result_file(job.id));
    }));
  }
  std::string calm_results(const experiments::Plan& plan) const {
    std::string expected;
    for (const auto& job : plan.jobs) expected += "{\"job\":\"" + job.id.hex + "\"}\n";
    return expected;
  }
  static std::vector<std::string> mpirun(int processes, bool recovery = false) {
    std::vector<std::string> command{"mpirun"};
    if (recovery) command.emplace_back("--enable-recovery");
    command.insert(command.end(), {"-np", std::to_string(processes)});
    return command;
  }

  TemporaryFolder folder_;
};

}  // namespace resolute::tests
