#pragma once
//! \file
//! The coordinator, or an agent under mpirun, that a test program becomes when it is started with
//! `drive STORE JOBS GANG SLOTS`. RESOLUTE_TEST_SERVE, RESOLUTE_TEST_SUITE, RESOLUTE_TEST_USER (a number; set by root)
//! and, in milliseconds, RESOLUTE_TEST_OWNER_WATCH, RESOLUTE_TEST_NO_PROGRESS and RESOLUTE_TEST_UNKILLABLE in the
//! environment change what it does.

#include <grp.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <string_view>

#include "core/log.h"
#include "core/process/process.h"
#include "orchestrator/run/run.h"
#include "tests/orchestrator/support/run_fixture.h"

namespace resolute::tests {

inline int report_end(const orchestrator::RunOutcome* outcome, const std::exception* error) {
  if (error != nullptr) {
    std::fprintf(stderr, "drive: %s\n", error->what());
    return 1;
  }
  return outcome->exit_code();
}

inline int drive(char** arguments) {
  const std::filesystem::path store = arguments[2];
  const auto environment = core::current_environment();
  if (auto user = environment.find("RESOLUTE_TEST_USER"); user != environment.end()) {
    const auto id = static_cast<uid_t>(std::stoul(user->second));
    if (::setgroups(0, nullptr) != 0 || ::setgid(id) != 0 || ::setuid(id) != 0) return 99;
  }
  const int rank = orchestrator::launched_rank(environment);
  core::set_up_log(fmt::format("drive {}", rank));
  core::write_atomic(core::real_file_system(), store / fmt::format("process-{}", rank),
                     fmt::format("{}\n", ::getpid()));
  auto plan = toy_plan(std::stoi(arguments[3]), std::stoi(arguments[4]));
  if (auto suite = environment.find("RESOLUTE_TEST_SUITE"); suite != environment.end()) plan.suite = suite->second;
  orchestrator::RunOptions options = toy_options(store, std::stoi(arguments[5]));
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

//! What main() of such a test does.
inline int drive_or_test(int count, char** arguments) {
  if (count == 6 && std::string_view(arguments[1]) == "drive") return drive(arguments);
  testing::InitGoogleTest(&count, arguments);
  return RUN_ALL_TESTS();
}

}  // namespace resolute::tests
