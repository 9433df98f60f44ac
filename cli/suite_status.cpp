// `resolute suite status`

#include <fmt/format.h>

#include <iostream>

#include "cli/subcommands.h"
#include "cli/suite_arguments.h"
#include "core/file_system.h"
#include "core/json.h"
#include "orchestrator/run.h"

namespace resolute::cli {

namespace {

constexpr CommandHelp kHelp{
    "resolute suite status SUITE.toml --store STORE [--json]",
    "How far a suite is, from the store alone: jobs by state, failures with cause and evidence.",
    "  resolute suite status experiments/suites/quickstart.toml --store store\n"};

}  // namespace

int suite_status(const Arguments& arguments) {
  auto parsed = parse_suite_arguments(arguments, kHelp, {});
  if (!parsed) return 0;
  auto plan = parsed->plan(false);
  auto status = orchestrator::read_status(core::real_file_system(), parsed->store, plan);
  const auto& jobs = status.jobs;
  if (parsed->json) {
    core::Json failures = core::Json::array();
    for (const auto& failure : status.failures)
      failures.push_back({{"job", failure.job.hex},
                          {"label", failure.label},
                          {"cause", failure.cause},
                          {"evidence", failure.evidence}});
    std::cout << core::Json{{"jobs",
                             {{"waiting", jobs.waiting},
                              {"ready", jobs.ready},
                              {"running", jobs.running},
                              {"succeeded", jobs.succeeded},
                              {"failed", jobs.failed},
                              {"cancelled", jobs.cancelled}}},
                            {"live", status.live},
                            {"failures", failures}}
                     .dump(1)
              << "\n";
    return 0;
  }
  std::cout << fmt::format("{}: {} of {} jobs succeeded; {} running, {} ready, {} waiting, {} failed, {} cancelled{}\n",
                           plan.suite, jobs.succeeded, plan.jobs.size(), jobs.running, jobs.ready, jobs.waiting,
                           jobs.failed, jobs.cancelled, status.live ? " (a run is at work)" : "");
  for (const auto& failure : status.failures)
    std::cout << fmt::format("  {} {}: {}: {}\n", failure.job.hex.substr(0, 12), failure.label, failure.cause,
                             failure.evidence);
  return 0;
}

}  // namespace resolute::cli
