// `resolute suite log`

#include "operations/look/log.h"

#include <iostream>

#include "cli/subcommands.h"
#include "cli/suite/arguments.h"
#include "core/error.h"
#include "core/files/file_system.h"

namespace resolute::cli {

namespace {

constexpr CommandHelp kSuiteLogHelp{
    "resolute suite log SUITE.toml --store STORE [--failed|--all] [--tail N] [--job ID] [--json]",
    R"(The journaled events of the suite's runs that matter, in order, one line each; what a run repeats of every job when it
begins is one line. --all: every event. --failed: what went wrong, with its cause. With --json one object a line, of
every event unless --failed says otherwise.)",
    "  resolute suite log suite.toml --store store\n"
    "  resolute suite log suite.toml --store store --failed\n"
    "  resolute suite log suite.toml --store store --tail 20\n"
    "  resolute suite log suite.toml --store store --job 1f3a --json\n"};

}  // namespace

int suite_log(const Arguments& arguments) {
  options::options_description visible;
  int tail = 0;
  auto add = visible.add_options();
  add("job", options::value<std::string>()->default_value(""), "only a job whose id begins so");
  add("all", "every event, also what each run says of every job when it begins");
  add("failed", "failures alone");
  add("tail", options::value(&tail), "only so many of them, the last");
  auto parsed = parse_suite_arguments(arguments, kSuiteLogHelp, visible);
  if (!parsed) return 0;
  auto plan = parsed->plan(false);
  const bool all = parsed->values.count("all") > 0, failed = parsed->values.count("failed") > 0;
  if (all && failed) throw core::input_error("--all and --failed exclude each other");
  operations::LogRequest request;
  request.format = parsed->json ? operations::LogFormat::kJsonLines : operations::LogFormat::kText;
  request.job = parsed->values["job"].as<std::string>();
  // A job's story has its first and its last line: its description and its result.
  request.detail = failed                                        ? operations::LogDetail::kFailures
                   : all || parsed->json || !request.job.empty() ? operations::LogDetail::kAll
                                                                 : operations::LogDetail::kImportant;
  if (parsed->values.count("tail") > 0) request.tail = static_cast<std::size_t>(at_least("tail", tail, 1));
  operations::print_log(core::real_file_system(), parsed->store, plan.suite, request, std::cout);
  return 0;
}

}  // namespace resolute::cli
