// `resolute suite cancel`

#include <fmt/format.h>

#include <iostream>

#include "cli/find_job.h"
#include "cli/live_request.h"
#include "cli/subcommands.h"
#include "cli/suite_arguments.h"
#include "core/error.h"

namespace resolute::cli {

namespace options = boost::program_options;

namespace {

constexpr CommandHelp kHelp{
    "resolute suite cancel SUITE.toml --store STORE [--job JOB]... [--json]",
    "Asks the run that is at work to end as ctrl-C does: trainings write a checkpoint, and `suite run` goes on from "
    "there.\n"
    "With --job it gives up these jobs and all that need them, and goes on with the others; the next run does them "
    "after all.\n"
    "Works from any machine that sees the store.",
    "  resolute suite cancel suite.toml --store /shared/store\n"
    "  resolute suite cancel suite.toml --store /shared/store --job 3fa9\n"};

const experiments::PlannedJob& planned_job(const experiments::Plan& plan, const std::string& digits) {
  const experiments::PlannedJob* found = nullptr;
  for (const auto& job : plan.jobs) {
    if (digits.size() < kFewestDigits || !job.id.hex.starts_with(digits)) continue;
    if (found != nullptr)
      throw core::input_error(fmt::format("several jobs of suite '{}' begin with '{}'", plan.suite, digits),
                              fmt::format("{}, {}", found->id.hex, job.id.hex), "give more digits");
    found = &job;
  }
  if (found == nullptr)
    throw core::input_error(fmt::format("'{}' names no job of suite '{}'", digits, plan.suite), {},
                            fmt::format("`resolute suite plan` lists them; {} digits or more will do", kFewestDigits));
  return *found;
}

}  // namespace

int suite_cancel(const Arguments& arguments) {
  options::options_description visible;
  visible.add_options()("job", options::value<std::vector<std::string>>()->composing(),
                        "only this job, an id's first digits; repeatable");
  auto parsed = parse_suite_arguments(arguments, kHelp, visible);
  if (!parsed) return 0;
  auto& files = core::real_file_system();
  const auto plan = parsed->plan(false);
  std::vector<orchestrator::Request> requests;
  std::string what = fmt::format("suite {} is being stopped", plan.suite);
  if (parsed->values.count("job") > 0) {
    what = "given up:";
    for (const auto& digits : parsed->values["job"].as<std::vector<std::string>>()) {
      const auto& job = planned_job(plan, digits);
      if (files.exists(parsed->store.result_file(job.id)))
        throw core::input_error(fmt::format("job '{}' has its result already", digits), job.label);
      requests.emplace_back(orchestrator::CancelJob{job.id});
      what += fmt::format(" {} ({})", job.id.hex.substr(0, 12), job.label);
    }
  } else {
    requests.emplace_back(orchestrator::StopRun{});
  }
  const auto run = require_live_run(files, parsed->store, plan);
  return report_asked(ask(files, parsed->store, plan, run, requests), what, parsed->json);
}

}  // namespace resolute::cli
