// `resolute suite run` and `resume`: makes what the jobs read, then hands the plan to the orchestrator, alone or as one
// rank of an MPI run, and writes the tables.

#include "orchestrator/run/run.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "allocations/start/allocation_work.h"
#include "allocations/submissions/stored_submission.h"
#include "allocations/submissions/usage.h"
#include "cli/curves.h"
#include "cli/high_views.h"
#include "cli/store/raw_images.h"
#include "cli/subcommands.h"
#include "cli/suite/arguments.h"
#include "cli/suite/notify_option.h"
#include "cli/suite/status_view.h"
#include "cli/terminal.h"
#include "core/error.h"
#include "core/files/file_system.h"
#include "core/log.h"
#include "core/process/process.h"
#include "core/split.h"
#include "experiments/site.h"
#include "orchestrator/journal/epoch.h"
#include "orchestrator/look/status.h"
#include "orchestrator/space/needs.h"
#include "orchestrator/store/stored_jobs.h"
#include "orchestrator/store/wall_clock.h"
#include "results/records/record.h"
#include "results/tables/aggregation.h"
#include "results/tables/table_json.h"
#include "results/tables/tables.h"
#include "slurm/allocation.h"
#include "slurm/client.h"

namespace resolute::cli {

namespace {

constexpr CommandHelp kSuiteRunHelp{
    "resolute suite run SUITE.toml --store STORE [--slots N] [--profile NAME] [OPTION...] [--json]",
    R"(Runs what is missing of a suite. Alone it uses this machine; under mpirun or srun rank 0 coordinates and every other
rank is an agent. Killed at any moment, the same command goes on from where it stopped; finished jobs never run again.

Exit codes: 0 complete; 3 some jobs failed or, with --only or --max-jobs, are left out; 75 interrupted.)",
    "  resolute suite run experiments/suites/quickstart.toml --store store\n"
    "  mpirun -np 3 resolute suite run suite.toml --store /shared/store --slots 4\n"};

// Of a suite that ends without a submission: of one in SLURM its allocation tells (allocations/start/allocation.h).
std::optional<std::string> notify_of_run(const options::variables_map& values,
                                         const std::map<std::string, std::string>& environment) {
  if (environment.contains(allocations::kSubmissionVariable) || orchestrator::launched_rank(environment) != 0)
    return std::nullopt;
  auto& files = core::real_file_system();
  std::optional<std::filesystem::path> file;
  try {
    if (values.count("notify") == 0) file = experiments::site_file_to_read(files, environment);
  } catch (const core::RuntimeError& error) {  // a home folder that is another's, as under sudo
    core::log_debug("the site file is left out: {}", error.what());
  }
  return notify_of(values, file ? experiments::read_site(files, *file) : experiments::Site{});
}

// Nobody is told of a run that was to do a part, that did nothing, or whose user interrupted it; nor while another
// allocation goes on.
std::optional<allocations::NoticeState> state_of_end(const SuiteArguments& arguments, const experiments::Plan& plan,
                                                     const orchestrator::RunOutcome& outcome) {
  const auto& values = arguments.values;
  if (values.count("only") > 0 || values["max-jobs"].as<int>() > 0 || outcome.elsewhere > 0) return std::nullopt;
  if (outcome.succeeded + outcome.failed + outcome.cancelled == 0 && !outcome.interrupted) return std::nullopt;
  if (outcome.exit_code() == 0) return allocations::NoticeState::kComplete;
  for (const auto& run : orchestrator::read_status(core::real_file_system(), arguments.store, plan).runs)
    if (run.live && run.name != experiments::run_name(plan.suite, values["allocation"].as<int>())) return std::nullopt;
  if (!outcome.interrupted) return allocations::NoticeState::kIncomplete;
  if (orchestrator::is_cancelled_by_somebody(outcome.why)) return allocations::NoticeState::kCancelled;
  return std::nullopt;
}

// As `suite status` counts them.
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
  allocations::tell_once(
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
  if (arguments.json) std::cout << results::to_json(tables).dump(1) << std::endl;
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
  return outcome.exit_code();
}

// One line on stderr, as main() prints it; under MPI the exception cannot travel to main(). The allocation that has
// started a run which the store kept from its begin waits for the store, and starts it again
// (allocations/start/allocation.h).
int report_error(const std::exception& error, const std::map<std::string, std::string>& environment) {
  std::cerr << "resolute: " << error.what() << std::endl;
  const auto* known = dynamic_cast<const core::RuntimeError*>(&error);
  if (known == nullptr) return 1;
  return known->is_storage() && environment.contains(allocations::kSubmissionVariable) ? allocations::kToBeRunAgain
                                                                                       : core::exit_code(known->kind());
}

void add_suite_run_options(options::options_description& visible) {
  auto add = visible.add_options();
  add("slots", options::value<int>()->default_value(0),
      "process ranks without a GPU that run at once under each agent; 0: the node's cores, under SLURM those that it "
      "gave");
  add("gpus", options::value<int>()->default_value(-1),
      "GPUs of each agent, believed where its node shows none; -1: those that it shows");
  add("only", options::value<std::string>(), "a row's id or a job's id: that and what it needs");
  add("first", options::value<std::string>(), "a row's id or a job's id: that and what it needs before all else");
  add("kinds", options::value<std::string>(),
      "kinds of jobs that are started here, as pack,evaluation; results of the others (pack, training, evaluation) are "
      "waited for: another run makes them");
  add("idle-limit", options::value<int>(), "seconds without anything to do after which the run ends; else it waits");
  add("most-gpu-hours", options::value<double>(), kMostGpuHoursHelp);
  add("max-jobs", options::value<int>()->default_value(0), "stop after starting this many jobs; 0: no limit");
  add("walltime", options::value<std::string>(),
      "time until everything has to have checkpointed and ended, minutes, MM:SS or H:MM:SS; under SLURM the job's end");
  const auto notice = std::chrono::floor<std::chrono::seconds>(orchestrator::Policy().stop_lead);
  add("notice", options::value<int>()->default_value(static_cast<int>(notice.count())),
      "seconds before that time at which everything is told to write its checkpoints");
  add("memory-per-rank", options::value<int>()->default_value(0),
      "MiB over which a process rank is ended; 0: no limit");
  add("allocation", options::value<int>()->default_value(1),
      "number of this run among several that work on the suite side by side, each with a journal of its own");
  add("bind", options::value<std::string>()->default_value("auto"),
      "a core for each process rank: none, cores, or auto where an agent has its node to itself");
  add("burn-in", options::value<std::string>()->default_value("off"), kBurnInHelp);
  add("notify", options::value<std::string>(), kNotifyHelp);
  add("log", options::value<std::string>(), kLogHelp);
  add("interface", options::value<std::string>(),
      "network interface by which gangs on several hosts meet, as ib0; else what the host's name stands for");
  add("no-progress-limit", options::value<int>()->default_value(30),
      "minutes without a sign of life after which a job is started anew; 0: no limit");
  add("coordinator-limit", options::value<int>()->default_value(120),
      "seconds without a word of the coordinator after which an agent ends, five times as long where its store stalls; "
      "in an allocation the first of them requeues the job then");
  add("checkpoint-every", options::value<int>()->default_value(0),
      "steps between checkpoints of a training, 0: the worker's choice; changes no result");
  add("evaluate-every", options::value<int>()->default_value(0),
      "epochs between a training's evaluations on the way, for the metric rank1_best_on_test, 0: none; changes no "
      "result");
  add("through-host", kThroughHostHelp);
  add(kSameImages, kSameImagesHelp);
}

// The suite's file and what else decides its plan.
std::vector<std::string> suite_words(const SuiteArguments& arguments) {
  std::vector<std::string> words = plan_arguments(arguments.values);
  words.insert(words.begin(), arguments.values["SUITE.toml"].as<std::string>());
  if (arguments.values.count("relative-to") > 0)
    words.insert(words.end(), {"--relative-to", arguments.values["relative-to"].as<std::string>()});
  return words;
}

std::set<settings::JobKind> parse_kinds(const std::string& text) {
  std::set<settings::JobKind> kinds;
  for (const std::string_view word : core::split(text, ','))
    kinds.insert(settings::parse_word<settings::JobKind>(word, "option --kinds"));
  return kinds;
}

void read_run_options(const options::variables_map& values, const std::map<std::string, std::string>& environment,
                      orchestrator::RunOptions& run) {
  const auto number = [&](const char* name) { return run_number(name, values[name].as<int>()); };
  run.slots = number("slots");
  run.gpus = number("gpus");
  if (values.count("only") > 0) run.only = values["only"].as<std::string>();
  if (values.count("first") > 0) run.first = values["first"].as<std::string>();
  if (values.count("kinds") > 0) run.kinds = parse_kinds(values["kinds"].as<std::string>());
  if (values.count("idle-limit") > 0) run.policy.idle_limit = std::chrono::seconds(number("idle-limit"));
  if (int jobs = number("max-jobs"); jobs > 0) run.max_jobs = jobs;
  run.allocation = number("allocation");
  run.memory_per_rank_mib = number("memory-per-rank");
  run.no_progress_limit = std::chrono::minutes(number("no-progress-limit"));
  run.coordinator_limit = std::chrono::seconds(number("coordinator-limit"));
  run.checkpoint_every = number("checkpoint-every");
  run.evaluate_every = number("evaluate-every");
  run.through_host = values.count("through-host") > 0;
  run.policy.stop_lead = std::chrono::seconds(number("notice"));
  run.bind = settings::parse_word<orchestrator::BindRanks>(values["bind"].as<std::string>(), "option --bind");
  run.burn_in =
      settings::parse_word<orchestrator::BurnInLength>(values["burn-in"].as<std::string>(), "option --burn-in");
  if (run.burn_in != orchestrator::BurnInLength::kOff)
    run.join_limit += orchestrator::length_of(run.burn_in) + orchestrator::kBurnInOverhead;
  if (values.count("interface") > 0) run.interface = values["interface"].as<std::string>();
  if (values.count("walltime") == 0) {
    run.ends_at = orchestrator::allocation_end(environment);
    return;
  }
  const auto walltime = orchestrator::parse_walltime(values["walltime"].as<std::string>());
  if (walltime <= run.policy.stop_lead)
    throw core::input_error(fmt::format("--walltime of {} s leaves no time to work", walltime.count()),
                            fmt::format("a run stops {} s before its end", number("notice")),
                            "give more, or a shorter --notice");
  run.ends_at = orchestrator::wall_clock() + walltime;
}

// The GPU-hours of all runs and allocations of the suite so far. A journal that cannot be read ends no run.
std::optional<std::string> why_spent(const experiments::StoreLayout& store, const std::string& suite,
                                     double most_hours) {
  try {
    auto& files = core::real_file_system();
    const auto usage =
        allocations::usage_of(allocations::read_submissions(files, store.suite_folder(suite)),
                              orchestrator::read_timeline(files, store, suite), orchestrator::wall_clock());
    if (usage.gpu_seconds >= 3600 * most_hours) return fmt::format("--most-gpu-hours {}", most_hours);
  } catch (const std::exception& error) {
    core::log_warning("what the suite has spent is not known: {}", error.what());
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

// A batch system sends the same SIGTERM for all that can happen to a job; SLURM can be asked what it meant. The ranks
// wait for their word to checkpoint meanwhile, so the answer gets two seconds.
orchestrator::StopRequested meaning_in_allocation(int signal, const std::map<std::string, std::string>& environment,
                                                  const std::optional<orchestrator::Instant>& ends_at,
                                                  orchestrator::Milliseconds lead) {
  using orchestrator::Cause;
  const auto now = orchestrator::wall_clock();
  orchestrator::StopRequested plain = orchestrator::meaning_of_signal(signal, ends_at, now, lead);
  if (signal != SIGTERM) return plain;
  try {
    const auto job = slurm::read_allocation_environment(environment).job;
    constexpr std::chrono::seconds kPatience(2);
    slurm::Client client(slurm::real_effects(), {.command_limit = kPatience, .patience = kPatience});
    const auto answer = client.show(job, environment.at("SLURM_JOB_NAME"));
    const auto* shown = std::get_if<slurm::ShownJob>(&answer);
    if (shown == nullptr) return plain;
    if (slurm::is_preempted(*shown)) return {"SLURM preempts the allocation", Cause::kPreempted};
    if (shown->state == slurm::JobState::kTimeout || (ends_at && *ends_at <= now))
      return {"the allocation's time limit", Cause::kWalltime};
    return {fmt::format("SLURM ends the allocation ({})", slurm::name_of(shown->state)), Cause::kInterrupted};
  } catch (const std::exception& error) {
    core::log_debug("SLURM was asked what the signal means: {}", error.what());
    return plain;
  }
}

// \return whether another job waits for the end of `here`, to go on; then the record of its start says what it ends for
bool leave_to_armed(const slurm::AllocationEnvironment& here, const std::map<std::string, std::string>& environment) {
  auto& files = core::real_file_system();
  const slurm::SubmissionFolder folder(files, environment.at(allocations::kSubmissionVariable));
  for (const allocations::StoredBatch& batch : allocations::read_submission(folder).batches) {
    const auto* job = std::get_if<slurm::KnownJob>(&batch.last);
    if (batch.batch.job_name != environment.at("SLURM_JOB_NAME") || job == nullptr || !job->armed ||
        job->id == here.job)
      continue;
    for (auto& start : slurm::read_runs(files, batch.folder)) {
      if (start.job != here.job || start.restart != here.restart) continue;
      start.cause = slurm::EndCause::kNodeLost;
      start.end = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
      start.verdict = fmt::format("the coordinator is lost, and a requeue refused: job {} goes on", job->id);
      slurm::write_run(files, batch.folder, start);
    }
    return true;
  }
  return false;
}

// With --no-kill SLURM keeps a job whose first node is lost, and with it the batch script and the coordinator: nobody
// is left to requeue it but an agent.
void requeue_allocation(const std::map<std::string, std::string>& environment) {
  try {
    const auto here = slurm::read_allocation_environment(environment);
    slurm::Client client(slurm::real_effects());
    // One that the user cancelled, or SLURM ends, is not to come back.
    const auto found = client.show(here.job, environment.at("SLURM_JOB_NAME"));
    const auto* shown = std::get_if<slurm::ShownJob>(&found);
    if (shown == nullptr || shown->state != slurm::JobState::kRunning) return;
    const auto answer = client.requeue(here.job);
    if (std::holds_alternative<slurm::Done>(answer)) {
      core::log_warning("the coordinator is lost, and perhaps its node: job {} is requeued", here.job);
    } else if (leave_to_armed(here, environment)) {
      core::log_warning("the coordinator is lost; job {} cannot be requeued: it ends, and the next one goes on",
                        here.job);
      client.cancel(here.job);
    } else {
      core::log_error("the coordinator is lost; job {} cannot be requeued: end it, then `resolute suite resume`",
                      here.job);
    }
  } catch (const std::exception& error) {
    core::log_error("the coordinator is lost; the job was not requeued: {}", error.what());
  }
}

void obey_batch_system(const std::map<std::string, std::string>& environment, orchestrator::RunOptions& run) {
  if (!environment.contains("SLURM_JOB_ID") || !environment.contains("SLURM_JOB_NAME")) return;
  run.sigterm_hastens = false;
  // Only of a job that is ours: a user's own script may not be such that it can run again.
  if (environment.contains(allocations::kSubmissionVariable))
    run.on_coordinator_lost = [environment](int before, int agents) {
      // SLURM ends a job that is requeued by SIGTERM, which agents ignore as long as they have ranks: whoever still
      // waits never asks.
      ::signal(SIGTERM, SIG_DFL);
      std::this_thread::sleep_for(slurm::requeue_turn(before, agents));
      ::signal(SIGTERM, SIG_IGN);
      requeue_allocation(environment);
    };
  run.on_signal = [environment, ends_at = run.ends_at, lead = run.policy.stop_lead](int signal) {
    return meaning_in_allocation(signal, environment, ends_at, lead);
  };
}

}  // namespace

int suite_run(const Arguments& arguments) {
  orchestrator::RunOptions run;
  options::options_description visible;
  add_suite_run_options(visible);
  auto parsed = parse_suite_arguments(arguments, kSuiteRunHelp, visible);
  if (!parsed) return 0;
  run.store = parsed->store.root();
  auto& files = core::real_file_system();
  run.checks = {results::record_check(files, parsed->store), results::record_check(files, parsed->store, true)};
  const auto environment = core::current_environment();
  read_run_options(parsed->values, environment, run);
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
  auto make_plan = [&] {
    experiments::Plan plan = parsed->plan(true);
    if (parsed->values.count("most-gpu-hours") > 0)
      run.spent = spent_by(parsed->store, plan.suite, gpu_hours(parsed->values["most-gpu-hours"].as<double>()));
    require_writable_store(run.store);
    run.worker_command = {worker_program().string()};
    orchestrator::announce_plan(core::real_file_system(), parsed->store, plan);
    experiments::note_source(core::real_file_system(), parsed->store, plan.suite, parsed->source());
    run.raw_roots = prepare_raw_images(parsed->store, plan);
    note_high_views(plan, parsed->store, true);
    if (log_to) start_curves(*log_to, suite_words(*parsed), parsed->store, plan.suite, environment);
    return plan;
  };
  if (!orchestrator::launched_by_mpi(environment)) {
    try {
      experiments::Plan plan = make_plan();
      return report(*parsed, plan, orchestrator::run_local(plan, run), whom);
    } catch (const core::RuntimeError& error) {
      return report_error(error, environment);
    }
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
          return outcome != nullptr ? report(*parsed, plan, *outcome, whom) : report_error(*error, environment);
        } catch (const std::exception& late) {
          return report_error(late, environment);
        }
      });
}

}  // namespace resolute::cli
