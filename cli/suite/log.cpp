// `resolute suite log`

#include <iostream>

#include "cli/subcommands.h"
#include "cli/suite/arguments.h"
#include "core/files/file_system.h"
#include "orchestrator/look/status.h"

namespace resolute::cli {

namespace {

constexpr CommandHelp kSuiteLogHelp{
    "resolute suite log SUITE.toml --store STORE [--job ID] [--json]",
    "Every journaled event of the suite's runs in order, one line each; with --json one object a line.",
    "  resolute suite log suite.toml --store store\n"
    "  resolute suite log suite.toml --store store --job 1f3a --json\n"};

}  // namespace

int suite_log(const Arguments& arguments) {
  options::options_description visible;
  visible.add_options()("job", options::value<std::string>()->default_value(""), "only a job whose id begins so");
  auto parsed = parse_suite_arguments(arguments, kSuiteLogHelp, visible);
  if (!parsed) return 0;
  auto plan = parsed->plan(false);
  orchestrator::print_log(core::real_file_system(), parsed->store, plan.suite,
                          parsed->json ? orchestrator::LogFormat::kJsonLines : orchestrator::LogFormat::kText,
                          parsed->values["job"].as<std::string>(), std::cout);
  return 0;
}

}  // namespace resolute::cli
