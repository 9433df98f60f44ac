// `resolute suite allocation`: what the batch script of `suite submit` calls.

#include "operations/start/allocation.h"

#include <fmt/format.h>

#include "cli/high_views.h"
#include "cli/subcommands.h"
#include "cli/suite/arguments.h"
#include "core/error.h"
#include "core/log.h"
#include "core/process/process.h"

namespace resolute::cli {

namespace {

constexpr CommandHelp kSuiteAllocationHelp{
    "resolute suite allocation --submission FOLDER --batch N --generation G",
    R"(Not for people: the script that `suite submit` hands to SLURM calls this command. It starts `suite run` on every node,
passes SLURM's notice on, and when the run has ended requeues its job, submits a successor, or ends. With --killed-by
it runs nothing and settles what follows in place of one that a signal has killed.

Exit codes: 0 complete, 3 some jobs failed, 75 to be continued, 1 or 2 given up (the log says why).)",
    "  resolute suite allocation --submission store/suites/NAME/submissions/TOKEN --batch 1 --generation 0\n"};

}  // namespace

int suite_allocation(const Arguments& arguments) {
  options::options_description visible;
  auto add = visible.add_options();
  add("submission", options::value<std::string>(), "folder of the submission, below the suite's in the store");
  add("batch", options::value<int>(), "number of the batch in it");
  add("generation", options::value<int>(), "0, and one more for each successor");
  add("killed-by", options::value<int>(), "signal that killed the command which began this start");
  const auto values = parse_options(arguments, kSuiteAllocationHelp, visible, {});
  if (!values) return 0;
  for (const char* name : {"batch", "generation"})
    if (values->count(name) == 0) throw core::input_error(fmt::format("option '--{}' is required", name));
  core::stamp_log();
  std::optional<int> killed_by;
  if (values->count("killed-by") > 0) killed_by = at_least("killed-by", (*values)["killed-by"].as<int>(), 1);
  const operations::AllocationSignals signals;
  const auto plan_of = [](const Arguments& suite) {
    const SuiteArguments arguments_of_suite = parse_suite_arguments(suite, kSuiteAllocationHelp, {}).value();
    experiments::Plan plan = arguments_of_suite.plan(false);
    note_high_views(plan, arguments_of_suite.store);
    return plan;
  };
  return operations::run_allocation(operations::real_allocation_world(signals, plan_of, version()),
                                    {std::filesystem::absolute(required_value(*values, "submission")),
                                     (*values)["batch"].as<int>(), (*values)["generation"].as<int>(), killed_by},
                                    core::current_environment());
}

}  // namespace resolute::cli
