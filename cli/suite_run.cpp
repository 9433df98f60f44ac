// `resolute suite run` and `resume`: makes what the jobs read, then hands the plan to the orchestrator, alone or as one
// rank of an MPI run, and writes the tables.

#include <fmt/format.h>

#include <iostream>

#include "cli/pack_settings.h"
#include "cli/subcommands.h"
#include "cli/suite_arguments.h"
#include "core/error.h"
#include "core/file_system.h"
#include "core/log.h"
#include "core/process.h"
#include "orchestrator/run.h"
#include "results/aggregation.h"
#include "results/table_json.h"
#include "results/tables.h"

namespace resolute::cli {

namespace options = boost::program_options;

namespace {

constexpr CommandHelp kHelp{
    "resolute suite run SUITE.toml --store STORE [--slots N] [--only ROW_OR_JOB] [--max-jobs N] [--profile NAME] "
    "[--set KEY=VALUE]... [--json]",
    "Runs what is missing of a suite. Alone it uses this machine; under mpirun or srun rank 0 coordinates and every "
    "other rank\n"
    "is an agent. Killed at any moment, the same command goes on from where it stopped; finished jobs never run "
    "again.\n"
    "Exit codes: 0 complete, 3 some jobs failed, 75 interrupted.",
    "  resolute suite run experiments/suites/quickstart.toml --store store\n"
    "  mpirun -np 3 resolute suite run suite.toml --store /shared/store --slots 4\n"};

// Raw images of each data set: the user's folder, or, for a synthetic one, images rendered below the store.
std::map<std::string, std::filesystem::path> prepare_raw_images(const experiments::Plan& plan,
                                                                const experiments::StoreLayout& store) {
  std::map<std::string, std::filesystem::path> roots;
  for (const auto& dataset : plan.datasets) {
    if (dataset.pack.synthetic) {
      auto folder = store.raw_folder(dataset.pack);
      datasets::write_synthetic(core::real_file_system(), folder, to_synthetic_options(*dataset.pack.synthetic));
      roots[dataset.pack.name] = folder;
    } else {
      roots[dataset.pack.name] = dataset.root;
    }
  }
  return roots;
}

int report(const SuiteArguments& arguments, const experiments::Plan& plan, const orchestrator::RunOutcome& outcome) {
  // First of all: tables that cannot be made must not hide what failed.
  for (const auto& failure : outcome.failures)
    core::log_error("job {} ({}) failed: {}: {}", failure.job.hex.substr(0, 12), failure.label, failure.cause,
                    failure.evidence);
  auto& files = core::real_file_system();
  auto folder = arguments.store.suite_folder(plan.suite) / "tables";
  auto tables = results::aggregate(plan, files, arguments.store);
  results::write_tables(files, folder, tables);
  if (arguments.json) std::cout << results::to_json(tables).dump(1) << std::endl;
  if (!std::cout) throw core::RuntimeError(core::ErrorKind::kEnvironment, "the results cannot be written to stdout");
  core::log_info("{} jobs done before, {} now, {} failed, {} unfinished; tables: {}", outcome.skipped,
                 outcome.succeeded, outcome.failed + outcome.cancelled, outcome.unfinished, folder.string());
  return outcome.exit_code();
}

// One line on stderr, as main() prints it; under MPI the exception cannot travel to main().
int report_error(const std::exception& error) {
  std::cerr << "resolute: " << error.what() << std::endl;
  const auto* known = dynamic_cast<const core::RuntimeError*>(&error);
  return known != nullptr ? core::exit_code(known->kind()) : 1;
}

}  // namespace

int suite_run(const Arguments& arguments) {
  orchestrator::RunOptions run;
  int max_jobs = 0;
  options::options_description visible;
  auto add = visible.add_options();
  add("slots", options::value(&run.slots)->default_value(run.slots),
      "process ranks that run at once under each agent; 0: the node's cores");
  add("only", options::value<std::string>(), "a row's id or a job's id: that and what it needs");
  add("max-jobs", options::value(&max_jobs)->default_value(0), "stop after starting this many jobs; 0: no limit");
  add("checkpoint-every", options::value(&run.checkpoint_every)->default_value(run.checkpoint_every),
      "steps between checkpoints of a training, 0: the worker's choice; changes no result");
  auto parsed = parse_suite_arguments(arguments, kHelp, visible);
  if (!parsed) return 0;
  if (run.slots < 0 || max_jobs < 0 || run.checkpoint_every < 0)
    throw core::input_error("an option has a negative number", "--slots, --max-jobs and --checkpoint-every count");
  if (parsed->values.count("only") > 0) run.only = parsed->values["only"].as<std::string>();
  if (max_jobs > 0) run.max_jobs = max_jobs;
  run.store = parsed->store.root();
  auto make_plan = [&] {
    experiments::Plan plan = parsed->plan(true);
    require_writable_store(run.store);
    run.worker_command = plan.worker.empty() ? std::vector<std::string>{worker_program()} : plan.worker;
    run.raw_roots = prepare_raw_images(plan, parsed->store);
    return plan;
  };
  if (!orchestrator::launched_by_mpi(core::current_environment())) {
    experiments::Plan plan = make_plan();
    return report(*parsed, plan, orchestrator::run_local(plan, run));
  }
  experiments::Plan plan;
  orchestrator::run_mpi(
      [&] {
        plan = make_plan();
        return plan;
      },
      run,
      [&](const orchestrator::RunOutcome* outcome, const std::exception* error) {
        try {
          return outcome != nullptr ? report(*parsed, plan, *outcome) : report_error(*error);
        } catch (const std::exception& late) {
          return report_error(late);
        }
      });
}

}  // namespace resolute::cli
