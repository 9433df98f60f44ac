// `resolute suite resume`: another job for a submission, or `suite run` here.

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <set>
#include <string_view>

#include "allocations/submissions/standing.h"
#include "allocations/submissions/submitter.h"
#include "cli/subcommands.h"
#include "cli/submission/submission_text.h"
#include "cli/suite/arguments.h"
#include "core/error.h"
#include "core/log.h"
#include "core/process/process.h"
#include "experiments/include.h"
#include "orchestrator/journal/epoch.h"
#include "orchestrator/run/run.h"
#include "orchestrator/store/stored_jobs.h"

namespace resolute::cli {

using BatchState = allocations::BatchStanding::State;

namespace {

constexpr CommandHelp kSuiteResumeHelp{
    "resolute suite resume SUITE.toml --store STORE [--here] [--profile NAME] [--set KEY=VALUE]... [--json]",
    R"(Goes on with a suite from where it stopped. If it was submitted (`suite submit`), every job of the submission that SLURM knows
no more (cancelled, lost, ended early) is submitted again as it was, and one that is held is released; what waits or runs is left
alone. Otherwise, inside of an allocation, under mpirun or srun, or with --here or any other option of `suite run`, it is
`suite run`. Finished jobs never run again.
Exit codes: 0 submitted or there already, 1 SLURM does not answer (give it again), 2 SLURM refuses; run here, as `suite run`.)",
    "  resolute suite resume suite.toml --store /shared/store\n"
    "  resolute suite resume suite.toml --store store --here --slots 8\n"};

// With an option that a submission has no use for, a run here is meant.
bool has_run_options(const Arguments& arguments) {
  static const std::set<std::string> kOurs{
      "--store",    "--profile",         "--set",          "--relative-to", "--stand-ins",
      "--datasets", "--with-references", "--from-scratch", "--json",        "--help"};
  return std::any_of(arguments.begin(), arguments.end(), [](const std::string& argument) {
    return argument.starts_with("--") && argument.size() > 2 && !kOurs.contains(argument.substr(0, argument.find('=')));
  });
}

// Jobs of it are known by the arguments that it was submitted with: --profile and others change what they are.
experiments::Plan submitted_plan(const SuiteArguments& parsed, const Arguments& arguments,
                                 const allocations::Standing& standing, const options::options_description& visible) {
  Arguments all = arguments;
  const auto& values = parsed.values;
  if (!plan_arguments(values).empty()) {
    core::log_warning("submission {} goes on with the arguments that it was made with; others need `suite submit`",
                      standing.request.token);
    all = {values["SUITE.toml"].as<std::string>(), "--store", values["store"].as<std::string>()};
  }
  const auto& submitted = standing.request.plan_arguments;
  all.insert(all.end(), submitted.begin(), submitted.end());
  return parse_suite_arguments(all, kSuiteResumeHelp, visible)->plan(false);
}

// Held jobs of SLURM's, which wait from now on; a line for each. \throws RuntimeError if SLURM does not answer
std::vector<std::string> release_held(slurm::Client& client, allocations::Standing& standing) {
  std::vector<std::string> lines;
  for (auto& batch : standing.batches)
    for (auto& job : batch.queued) {
      if (!allocations::is_held(job)) continue;
      const auto answer = client.release(job.array, job.element);
      if (const auto* refused = std::get_if<slurm::Refused>(&answer))
        throw core::RuntimeError(core::ErrorKind::kEnvironment,
                                 fmt::format("SLURM does not release job {} ({})", job.id, job.name), refused->why,
                                 "an administrator may have held it: ask for it, or cancel it and resume");
      lines.push_back(fmt::format("released: job {} ({})", job.id, job.name));
      job.state = slurm::JobState::kPending;
      job.reason.clear();
    }
  return lines;
}

bool is_at_work(const allocations::BatchStanding& batch) {
  return std::any_of(batch.queued.begin(), batch.queued.end(),
                     [](const slurm::QueuedJob& job) { return slurm::phase_of(job.state) == slurm::Phase::kRuns; });
}

// What was done to each batch that SLURM has; those that it had before first. \param before numbers of those
void print_lines(const allocations::Standing& standing, const std::set<int>& before,
                 const std::string& status_command) {
  for (const char* done : {"at work already", "is there already", "submitted"}) {
    allocations::Standing part = standing;
    std::erase_if(part.batches, [&](const allocations::BatchStanding& batch) {
      const char* own = !before.contains(batch.batch.number) ? "submitted"
                        : is_at_work(batch)                  ? "at work already"
                                                             : "is there already";
      return std::string_view(own) != done;
    });
    for (const auto& line : job_lines(part, done, status_command)) std::cout << line << "\n";
  }
}

int resume(core::FileSystem& files, slurm::Client& client, const slurm::Effects& effects, const SuiteArguments& parsed,
           allocations::Standing& standing) {
  const auto status = suite_command("status", parsed, standing.request.plan_arguments);
  const bool nothing_new =
      std::none_of(standing.batches.begin(), standing.batches.end(), [](const allocations::BatchStanding& batch) {
        return batch.state != BatchState::kAlive && batch.state != BatchState::kDone;
      });
  if (standing.trouble)
    throw core::RuntimeError(core::ErrorKind::kTransient, "SLURM does not say which jobs it has", *standing.trouble,
                             "give the same command again when it answers; nothing was changed");
  const auto lines = release_held(client, standing);
  std::set<int> alive;
  for (const auto& batch : standing.batches)
    if (batch.state == BatchState::kAlive) alive.insert(batch.batch.number);
  require_writable_store(parsed.store.root());
  const auto refusal = allocations::submit_missing(files, client, effects, standing);
  if (parsed.json) {
    if (!refusal || is_alive(standing)) print_json(jobs_json(standing, nothing_new, refusal));
  } else {
    for (const auto& line : lines) std::cout << line << "\n";
    print_lines(standing, alive, status);
  }
  std::cout << std::flush;
  if (refusal) allocations::throw_refused(*refusal);
  return 0;
}

}  // namespace

int suite_resume(const Arguments& arguments) {
  const bool help = std::any_of(arguments.begin(), arguments.end(),
                                [](const std::string& argument) { return argument == "--help" || argument == "-h"; });
  const auto environment = core::current_environment();
  Arguments run = arguments;
  std::erase(run, "--here");
  if (!help && (run.size() != arguments.size() || has_run_options(arguments) || environment.contains("SLURM_JOB_ID") ||
                orchestrator::launched_by_mpi(environment)))
    return suite_run(run);
  options::options_description visible;
  visible.add_options()("here", "run it here, whatever was submitted");
  auto parsed = parse_suite_arguments(arguments, kSuiteResumeHelp, visible);
  if (!parsed) return 0;
  auto& files = core::real_file_system();
  const auto suite_folder = parsed->store.suite_folder(parsed->plan(false).suite);
  allocations::require_own_submissions(files, suite_folder);
  const slurm::Effects effects = slurm::real_effects();
  slurm::Client client(effects, allocations::interactive_client());
  auto open = allocations::settled_submissions(files, client, effects, suite_folder, [&](const std::string& job) {
    return orchestrator::has_result(files, parsed->store, {job});
  });
  if (open.empty()) return suite_run(arguments);
  allocations::Standing& newest = open.back();
  const auto plan = submitted_plan(*parsed, arguments, newest, visible);
  if (orchestrator::all_results_there(files, parsed->store, plan))
    return report_complete("resume", newest.request.token, plan, parsed->json);
  if (allocations::suite_has_changed(
          files, newest.folder, experiments::text_with_includes(files, parsed->values["SUITE.toml"].as<std::string>())))
    core::log_warning("{}", allocations::kSuiteHasChanged);
  allocations::require_sbatch(environment);
  return resume(files, client, effects, *parsed, newest);
}

}  // namespace resolute::cli
