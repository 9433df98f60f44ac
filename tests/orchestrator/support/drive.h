#pragma once
//! \file
//! The coordinator, or an agent under mpirun, that a test program becomes in the role kDriveRole, with the arguments
//! STORE JOBS GANG SLOTS. RESOLUTE_TEST_SERVE, RESOLUTE_TEST_SUITE, RESOLUTE_TEST_USER (a number; set by root)
//! and, in milliseconds, RESOLUTE_TEST_OWNER_WATCH, RESOLUTE_TEST_NO_PROGRESS and RESOLUTE_TEST_UNKILLABLE in the
//! environment change what it does.

#include <grp.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>

#include "core/log.h"
#include "core/process/process.h"
#include "orchestrator/run/run.h"
#include "tests/orchestrator/support/toy_suite.h"
#include "tests/support/program_role.h"

namespace resolute::tests {

inline orchestrator::RunOptions toy_options(const std::filesystem::path& store, int slots) {
  orchestrator::RunOptions options;
  options.store = store;
  options.worker_command = {(store / "worker").string()};
  options.slots = slots;
  options.quiet = true;
  options.policy.back_off_scale = 0.08;
  options.result_wait = std::chrono::milliseconds(50);
  options.heartbeat = std::chrono::milliseconds(100);
  options.agent_limit = std::chrono::milliseconds(1500);
  options.coordinator_limit = std::chrono::milliseconds(4000);
  options.owner_watch = std::chrono::milliseconds(3000);
  options.request_interval = std::chrono::milliseconds(50);
  options.live_interval = std::chrono::milliseconds(50);
  options.held_wait = std::chrono::milliseconds(100);
  return options;
}

inline int report_end(const orchestrator::RunOutcome* outcome, const std::exception* error) {
  if (error != nullptr) {
    std::fprintf(stderr, "drive: %s\n", error->what());
    return 1;
  }
  return outcome->exit_code();
}

inline int drive(int /*count*/, char** arguments) {
  const std::filesystem::path store = arguments[0];
  const auto environment = core::current_environment();
  if (auto user = environment.find("RESOLUTE_TEST_USER"); user != environment.end()) {
    const auto id = static_cast<uid_t>(std::stoul(user->second));
    if (::setgroups(0, nullptr) != 0 || ::setgid(id) != 0 || ::setuid(id) != 0) return 99;
  }
  const int rank = orchestrator::launched_rank(environment);
  core::set_up_log(fmt::format("drive {}", rank));
  core::write_atomic(core::real_file_system(), store / fmt::format("process-{}", rank),
                     fmt::format("{}\n", ::getpid()));
  auto plan = toy_plan(std::stoi(arguments[1]), std::stoi(arguments[2]));
  if (auto suite = environment.find("RESOLUTE_TEST_SUITE"); suite != environment.end()) plan.suite = suite->second;
  orchestrator::RunOptions options = toy_options(store, std::stoi(arguments[3]));
  options.coordinator_serves = environment.contains("RESOLUTE_TEST_SERVE");
  auto milliseconds = [&](const char* name, std::chrono::milliseconds otherwise) {
    const auto found = environment.find(name);
    return found == environment.end() ? otherwise : std::chrono::milliseconds(std::stoi(found->second));
  };
  options.owner_watch = milliseconds("RESOLUTE_TEST_OWNER_WATCH", options.owner_watch);
  options.no_progress_limit = milliseconds("RESOLUTE_TEST_NO_PROGRESS", options.no_progress_limit);
  options.policy.unkillable_limit = milliseconds("RESOLUTE_TEST_UNKILLABLE", options.policy.unkillable_limit);
  options.hurry_limit = milliseconds("RESOLUTE_TEST_UNKILLABLE", options.hurry_limit);
  if (orchestrator::launched_by_mpi(environment)) orchestrator::run_mpi([&] { return plan; }, options, report_end);
  try {
    const orchestrator::RunOutcome outcome = orchestrator::run_local(plan, options);
    return report_end(&outcome, nullptr);
  } catch (const std::exception& error) {
    return report_end(nullptr, &error);
  }
}

inline const ProgramRole kDriveRole("drive", drive);

}  // namespace resolute::tests
