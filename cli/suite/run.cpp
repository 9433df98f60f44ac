// `resolute suite run` and `resume`: makes what the jobs read, then hands the plan to the orchestrator, alone or as one
// rank of an MPI run, and writes the tables.

#include "orchestrator/run/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "cli/curves.h"
#include "cli/high_views.h"
#include "cli/store/raw_images.h"
#include "cli/subcommands.h"
#include "cli/suite/arguments.h"
#include "cli/suite/notify_option.h"
#include "cli/suite/run_options.h"
#include "cli/suite/status_view.h"
#include "cli/terminal.h"
#include "core/error.h"
#include "core/files/file_system.h"
#include "core/log.h"
#include "core/process/process.h"
#include "experiments/include.h"
#include "experiments/site.h"
#include "operations/look/status.h"
#include "operations/space/needs.h"
#include "operations/start/allocation_work.h"
#include "operations/submissions/stored_submission.h"
#include "operations/submissions/usage.h"
#include "orchestrator/journal/epoch.h"
#include "orchestrator/store/stored_jobs.h"
#include "orchestrator/store/wall_clock.h"
#include "results/records/record.h"
#include "results/tables/aggregation.h"
#include "results/tables/tables.h"

namespace resolute::cli {

namespace {

constexpr CommandHelp kSuiteRunHelp{
    "resolute suite run SUITE.toml --store STORE [--slots N] [--profile NAME] [OPTION...] [--json]",
    R"(Runs what is missing of a suite. Alone it uses this machine; under mpirun or srun rank 0 coordinates and every other
rank is an agent. Killed at any moment, the same command goes on from where it stopped; finished jobs never run again.

Exit codes: 0 complete; 3 some jobs failed or, with --only or --max-jobs, are left out; 75 interrupted.)",
    "  resolute suite run experiments/suites/quickstart.toml --store store\n"
    "  mpirun -np 3 resolute suite run suite.toml --store /shared/store --slots 4\n"};

// The address for a suite without a submission. In SLURM its allocation sends the notice
// (operations/start/allocation.h).
std::optional<std::string> notify_of_run(const options::variables_map& values,
                                         const std::map<std::string, std::string>& environment) {
  if (environment.contains(operations::kSubmissionVariable) || orchestrator::launched_rank(environment) != 0)
    return std::nullopt;
  auto& files = core::real_file_system();
  std::optional<std::filesystem::path> file;
  try {
    if (values.count("notify") == 0) file = experiments::site_file_to_read(files, environment);
  } catch (const core::RuntimeError& error) {  // a home folder that is another's, as under sudo
    core::log_debug("the site file is left out: {}", error.what());
  }
  return notify_of(values, file ? experiments::read_site(files, *file, environment) : experiments::Site{});
}

// With fewer jobs than the plan has.
bool does_a_part(const SuiteArguments& arguments) {
  return arguments.values.count("only") > 0 || arguments.values["max-jobs"].as<int>() > 0;
}

// A search that waits leaves the suite incomplete though all jobs so far are done. A part that was asked for is done.
int exit_code_of(const SuiteArguments& arguments, const experiments::Plan& plan,
                 const orchestrator::RunOutcome& outcome) {
  if (!plan.waits() || outcome.interrupted) return outcome.exit_code();
  if (outcome.stopped) return orchestrator::kExitToBeContinued;
  if (outcome.exit_code() != 0 || outcome.elsewhere > 0) return outcome.exit_code();
  const bool hopeless = std::ranges::any_of(plan.searches, &experiments::SearchPlan::hopeless);
  return arguments.values.count("only") > 0 && !hopeless ? 0 : orchestrator::kExitIncomplete;
}

// A run sends no notice if it was to do a part, did nothing, was interrupted by its user, or if another allocation goes
// on.
std::optional<operations::NoticeState> state_of_end(const SuiteArguments& arguments, const experiments::Plan& plan,
                                                    const orchestrator::RunOutcome& outcome) {
  const auto& values = arguments.values;
  if (does_a_part(arguments) || outcome.elsewhere > 0) return std::nullopt;
  if (outcome.succeeded + outcome.failed + outcome.cancelled == 0 && !outcome.interrupted) return std::nullopt;
  const int code = exit_code_of(arguments, plan, outcome);
  if (code == 0) return operations::NoticeState::kComplete;
  for (const auto& run : operations::read_status(core::real_file_system(), arguments.store, plan).runs)
    if (run.live && run.name != experiments::run_name(plan.suite, values["allocation"].as<int>())) return std::nullopt;
  if (code != orchestrator::kExitToBeContinued) return operations::NoticeState::kIncomplete;
  if (orchestrator::is_cancelled_by_somebody(outcome.why)) return operations::NoticeState::kCancelled;
  return std::nullopt;
}

// Counts as `suite status` shows them.
std::string without_result(const orchestrator::RunOutcome& outcome) {
  return fmt::format("{} failed{}", outcome.failed,
                     outcome.cancelled > 0 ? fmt::format(", {} cancelled", outcome.cancelled) : "");
}

void tell(const SuiteArguments& arguments, const experiments::Plan& plan, const orchestrator::RunOutcome& outcome,
          const std::string& whom) {
  const auto state = state_of_end(arguments, plan, outcome);
  if (!state) return;
  auto& files = core::real_file_system();
  std::int64_t epochs = 0;  // the same for all that end side by side
  for (const auto& run :
       orchestrator::read_runs(files, arguments.store, orchestrator::run_names(files, arguments.store, plan.suite)))
    epochs += run.run_epoch;
  operations::tell_once(
      files, arguments.store.suite_folder(plan.suite), fmt::format("run-{:06}", epochs), whom,
      {*state, plan.suite, arguments.store.root(),
       fmt::format("suite {} is {}: {} of {} jobs have their results, {}", plan.suite, settings::word(*state),
                   outcome.skipped + outcome.succeeded, plan.jobs.size(), without_result(outcome))},
      core::current_environment());
}

void write_tables(const SuiteArguments& arguments, const experiments::Plan& plan,
                  const orchestrator::RunOutcome& outcome, const std::filesystem::path& folder) {
  auto& files = core::real_file_system();
  const auto check = results::record_check(files, arguments.store);
  auto tables = results::aggregate(plan, files, arguments.store);
  results::write_tables(files, folder, tables);
  // A run beside this one may have got the last result meanwhile, and written its whole tables before these.
  if (outcome.exit_code() != 0 && !tables.complete &&
      orchestrator::all_results_there(files, arguments.store, plan, check)) {
    tables = results::aggregate(plan, files, arguments.store);
    results::write_tables(files, folder, tables);
  }
  if (arguments.json)
    std::cout << results::to_json(tables).dump(1) << std::endl;
  else
    std::cout << results::to_markdown(tables) << std::flush;
  flush_output("the results");
}

int report(const SuiteArguments& arguments, const experiments::Plan& plan, const orchestrator::RunOutcome& outcome,
           const std::optional<std::string>& whom) {
  // First of all: tables that cannot be made must not hide what failed.
  for (const auto& failure : outcome.failures)
    core::log_error("job {} ({}) {}: {}", experiments::short_id(failure.job), failure.label,
                    failure.cancelled() ? "cancelled" : "failed: " + failure.cause, failure.evidence);
  // The first one that has left a log.
  const auto first = std::ranges::find_if(outcome.failures, [](const auto& f) {
    return f.cause != orchestrator::kNeedsFailed && f.cause != name_of(orchestrator::Cause::kUnplaceable);
  });
  if (first != outcome.failures.end())
    core::log_info("{}", where_a_job_tells(first->job, arguments.store.root().string()));
  // An allocation that ends has seconds left for what comes behind this, and the next run makes the tables.
  const bool with_tables = !outcome.interrupted || arguments.json;
  const auto folder = arguments.store.suite_folder(plan.suite) / "tables";
  if (with_tables) write_tables(arguments, plan, outcome, folder);
  core::log_info("{} jobs done before, {} now, {}, {} unfinished{}; {}", outcome.skipped, outcome.succeeded,
                 without_result(outcome), outcome.unfinished,
                 outcome.elsewhere > 0 ? fmt::format(", {} of other allocations", outcome.elsewhere) : "",
                 with_tables ? "tables: " + folder.string() : "`resolute suite table` shows what is there");
  if (whom) tell(arguments, plan, outcome, *whom);
  for (const auto& search : plan.searches)
    if (search.hopeless)
      core::log_error("no point of {} has a score; give keys other values", experiments::search_text(search));
    else if (search.winner.empty() && outcome.exit_code() == 0 && does_a_part(arguments))
      core::log_info("search '{}' goes on without --max-jobs and --only", search.id);
  return exit_code_of(arguments, plan, outcome);
}

// Nothing where it cannot be read any more.
std::optional<std::string> text_of_suite(const SuiteArguments& arguments) {
  try {
    return experiments::text_with_includes(core::real_file_system(), arguments.values["SUITE.toml"].as<std::string>());
  } catch (const core::RuntimeError& error) {
    if (error.is_storage()) throw;
    return std::nullopt;
  }
}

// The plan of the same suite, once results decide more of its searches; `plan` is replaced by it.
std::optional<experiments::Plan> plan_again(const SuiteArguments& arguments, const std::optional<std::string>& text,
                                            experiments::Plan& plan) {
  if (!plan.waits()) return std::nullopt;
  if (text_of_suite(arguments) != text) {
    core::log_warning(
        "the suite's file has changed since this run began, and nothing more of it is planned; run it again");
    return std::nullopt;
  }
  experiments::Plan next = arguments.plan(true);
  const auto ids = [](const experiments::Plan& one) {
    std::set<experiments::JobId> all;
    for (const auto& job : one.jobs) all.insert(job.id);
    return all;
  };
  const auto before = ids(plan), after = ids(next);
  if (arguments.values["max-jobs"].as<int>() > 0 && !std::ranges::includes(before, after)) return std::nullopt;
  if (before != after) operations::announce_plan(core::real_file_system(), arguments.store, next);
  plan = std::move(next);
  // A search without a row that names it has its winner without another job.
  if (before == after) return std::nullopt;
  for (const auto& search : plan.searches) core::log_info("{}", experiments::search_text(search));
  return plan;
}

// The same plan, where a complete run has left results that count for nothing: evaluations of weights that a training,
// made anew in this run, no longer has. One that comes out so again fails its attempt, which ends this.
std::optional<experiments::Plan> plan_of_misfits(const SuiteArguments& arguments, const experiments::Plan& plan,
                                                 const orchestrator::RunOutcome& outcome) {
  auto& files = core::real_file_system();
  if (outcome.succeeded == 0 || outcome.exit_code() != 0 || outcome.elsewhere > 0 || does_a_part(arguments) ||
      orchestrator::all_results_there(files, arguments.store, plan, results::record_check(files, arguments.store)))
    return std::nullopt;
  core::log_warning("evaluations have used other weights than a training that was made anew has: they run again");
  return plan;
}

// One line on stderr, as main() prints it; under MPI the exception cannot travel to main(). The allocation that has
// started a run which the store kept from its begin waits for the store, and starts it again
// (operations/start/allocation.h).
int report_error(const std::exception& error, const std::map<std::string, std::string>& environment) {
  std::cerr << "resolute: " << error.what() << std::endl;
  const auto* known = dynamic_cast<const core::RuntimeError*>(&error);
  if (known == nullptr) return 1;
  return known->is_storage() && environment.contains(operations::kSubmissionVariable) ? operations::kToBeRunAgain
                                                                                      : core::exit_code(known->kind());
}

// The suite's file and what else decides its plan.
std::vector<std::string> suite_words(const SuiteArguments& arguments) {
  std::vector<std::string> words = plan_arguments(arguments.values);
  words.insert(words.begin(), arguments.values["SUITE.toml"].as<std::string>());
  if (arguments.values.count("relative-to") > 0)
    words.insert(words.end(), {"--relative-to", arguments.values["relative-to"].as<std::string>()});
  return words;
}

// The GPU-hours of all runs and allocations of the suite so far. A journal that cannot be read ends no run.
std::optional<std::string> why_spent(const experiments::StoreLayout& store, const std::string& suite,
                                     double most_hours) {
  try {
    auto& files = core::real_file_system();
    const auto usage = operations::usage_of(operations::read_submissions(files, store.suite_folder(suite)),
                                            operations::read_timeline(files, store, suite), orchestrator::wall_clock());
    if (usage.gpu_seconds >= 3600 * most_hours) return fmt::format("--most-gpu-hours {}", most_hours);
  } catch (const std::exception& error) {
    core::log_warning("the suite's GPU-hours cannot be counted: {}", error.what());
  }
  return std::nullopt;
}

// The first answer is waited for; the journals of a large suite take seconds, so each later one is the last that is
// known, and what a store does not let return is left behind.
std::function<std::optional<std::string>()> spent_by(const experiments::StoreLayout& store, const std::string& suite,
                                                     double most_hours) {
  struct Known {
    std::mutex guard;
    bool asked = false, asking = false;
    std::optional<std::string> answer;
  };
  return [=, known = std::make_shared<Known>()]() -> std::optional<std::string> {
    const std::lock_guard lock(known->guard);
    if (!std::exchange(known->asked, true)) return known->answer = why_spent(store, suite, most_hours);
    if (!std::exchange(known->asking, true))
      std::thread([=] {
        auto answer = why_spent(store, suite, most_hours);
        const std::lock_guard done(known->guard);
        known->answer = std::move(answer);
        known->asking = false;
      }).detach();
    return known->answer;
  };
}

}  // namespace

int suite_run(const Arguments& arguments) { return run_suite(arguments, RunOf::kTyped); }

int run_suite(const Arguments& arguments, RunOf which) {
  orchestrator::RunOptions run;
  options::options_description visible;
  add_run_options(visible, run);
  auto parsed = parse_suite_arguments(arguments, kSuiteRunHelp, visible);
  if (!parsed) return 0;
  run.store = parsed->store.root();
  auto& files = core::real_file_system();
  run.checks = {results::record_check(files, parsed->store), results::record_check(files, parsed->store, true)};
  const auto environment = core::current_environment();
  finish_run_options(parsed->values, environment, run);
  obey_batch_system(environment, run);
  const auto whom = notify_of_run(parsed->values, environment);
  std::optional<CurvesClient> log_to;
  if (parsed->values.count("log") > 0)
    log_to = settings::parse_word<CurvesClient>(parsed->values["log"].as<std::string>(), "option --log");
  if (orchestrator::launched_rank(environment) != 0) {
    // Agents ask the worker for their numeric class; that it is missing is the coordinator's to say, once.
    try {
      run.worker_command = {worker_program().string()};
    } catch (const core::RuntimeError&) {
    }
  }
  experiments::Plan plan;
  std::optional<std::string> text;  // of the suite
  auto make_plan = [&] {
    if (which == RunOf::kLast) parsed->take_last_run();
    text = text_of_suite(*parsed);
    experiments::Plan plan = parsed->plan(true);
    if (!run.kinds.empty()) require_no_search(plan, "--kinds", "leave it out");
    if (parsed->values.count("most-gpu-hours") > 0)
      run.spent = spent_by(parsed->store, plan.suite, gpu_hours(parsed->values["most-gpu-hours"].as<double>()));
    require_writable_store(run.store);
    run.worker_command = {worker_program().string()};
    operations::announce_plan(core::real_file_system(), parsed->store, plan);
    run.raw_roots = prepare_raw_images(parsed->store, plan);
    note_high_views(plan, parsed->store, true);
    if (log_to) start_curves(*log_to, suite_words(*parsed), parsed->store, plan.suite, environment);
    return plan;
  };
  // A command that another run keeps from its begin is not the last one.
  run.begun = [&] {
    try {
      parsed->note_run(plan, operations::plan_file_name(operations::plan_file_text(plan)));
    } catch (const core::RuntimeError& error) {
      core::log_warning("the options of this run are not remembered: {}", error.what());
    }
  };
  run.next_plan = [&](const orchestrator::RunOutcome& outcome) {
    auto next = plan_again(*parsed, text, plan);
    return next ? next : plan_of_misfits(*parsed, plan, outcome);
  };
  if (!orchestrator::launched_by_mpi(environment)) {
    try {
      plan = make_plan();
      return report(*parsed, plan, orchestrator::run_local(plan, run), whom);
    } catch (const core::RuntimeError& error) {
      return report_error(error, environment);
    }
  }
  orchestrator::run_mpi(
      [&] {
        plan = make_plan();
        return plan;
      },
      run,
      [&](const orchestrator::RunOutcome* outcome, const std::exception* error) {
        try {
          return outcome != nullptr ? report(*parsed, plan, *outcome, whom) : report_error(*error, environment);
        } catch (const std::exception& late) {
          return report_error(late, environment);
        }
      });
}

}  // namespace resolute::cli
