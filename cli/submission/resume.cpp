// `resolute suite resume`: another job for a submission, or `suite run` here.

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <set>
#include <tuple>

#include "cli/subcommands.h"
#include "cli/submission/submission_text.h"
#include "cli/submission/submit_options.h"
#include "cli/suite/arguments.h"
#include "core/error.h"
#include "core/log.h"
#include "core/process/process.h"
#include "experiments/include.h"
#include "operations/growth/grow.h"
#include "operations/space/needs.h"
#include "operations/submissions/new_submission.h"
#include "operations/submissions/standing.h"
#include "operations/submissions/submission_checks.h"
#include "orchestrator/journal/epoch.h"
#include "orchestrator/run/run.h"
#include "orchestrator/store/stored_jobs.h"
#include "orchestrator/store/wall_clock.h"
#include "results/records/record.h"

namespace resolute::cli {

namespace {

constexpr CommandHelp kSuiteResumeHelp{
    "resolute suite resume SUITE.toml --store STORE [--time T] [--here] [OPTION...] [--json]",
    R"(Goes on with a suite from where it stopped. If it was submitted (`suite submit`), every job of the submission that
SLURM knows no more (cancelled, lost, ended early) is submitted again as it was, and one that is held is released;
what waits or runs is left alone. With --time, --nodes or --allocations it goes on with these instead, where no job of
it runs (`suite cancel` ends them in order); jobs that wait are exchanged. Otherwise, inside of an allocation, under
mpirun or srun, or with --here or any other option of `suite run`, it is `suite run` as the suite was run last. Finished
jobs never run again.

Exit codes: 0 submitted or there already, 1 SLURM does not answer (give it again), 2 SLURM refuses; run here, as
`suite run`.)",
    "  resolute suite resume suite.toml --store /shared/store\n"
    "  resolute suite resume suite.toml --store /shared/store --time 8:00:00 --allocations 1..8\n"
    "  resolute suite resume suite.toml --store store --here --slots 8\n"};

// With an option that a submission has no use for, a run here is meant.
bool has_run_options(const Arguments& arguments) {
  static const std::set<std::string> kOurs{
      "--store",        "--profile", "--set",  "--relative-to", "--stand-ins", "--datasets",   "--with-references",
      "--from-scratch", "--json",    "--help", "--time",        "--nodes",     "--allocations"};
  return std::ranges::any_of(arguments, [](const std::string& argument) {
    return argument.starts_with("--") && argument.size() > 2 && !kOurs.contains(argument.substr(0, argument.find('=')));
  });
}

struct Resume {
  core::FileSystem& files;
  slurm::Client& client;
  const slurm::Effects& effects;
  const SuiteArguments& parsed;
  const experiments::Plan& plan;
};

// The plan by the arguments of the submission: --profile and others change what its jobs are.
experiments::Plan submitted_plan(const SuiteArguments& parsed, const Arguments& arguments,
                                 const operations::Standing& standing, const options::options_description& visible) {
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

// Releases held jobs, which wait from now on. \param refusal of a job that SLURM does not release \return a line for
// each \throws RuntimeError if SLURM does not answer
std::vector<std::string> release_held(slurm::Client& client, operations::Standing& standing,
                                      std::optional<core::RuntimeError>& refusal) {
  std::vector<std::string> lines;
  for (auto& batch : standing.batches)
    for (auto& job : batch.queued) {
      if (!operations::is_held(job)) continue;
      const auto answer = client.at(standing.request.cluster).release(job.id);
      if (const auto* refused = std::get_if<slurm::Refused>(&answer)) {
        refusal.emplace(core::ErrorKind::kEnvironment,
                        fmt::format("SLURM does not release job {} ({})", job.id, job.name), refused->why,
                        "an administrator may have held it: ask for it, or cancel it and resume");
        continue;
      }
      lines.push_back(fmt::format("released: job {} ({})", job.id, job.name));
      job.state = slurm::JobState::kPending;
      job.reason.clear();
    }
  return lines;
}

bool is_at_work(const operations::BatchStanding& batch) {
  return std::ranges::any_of(
      batch.queued, [](const slurm::QueuedJob& job) { return slurm::phase_of(job.state) == slurm::Phase::kRuns; });
}

int go_on(const Resume& order, operations::Standing& standing) {
  const auto& [files, client, effects, parsed, plan] = order;
  const auto status = suite_command("status", parsed, standing.request.plan_arguments);
  const bool nothing_new = std::ranges::all_of(
      standing.batches, [](const operations::BatchStanding& batch) { return batch.alive || is_never_wanted(batch); });
  operations::require_answer(standing);
  std::optional<core::RuntimeError> unreleased;
  const auto lines = release_held(client, standing, unreleased);
  std::set<int> before;  // batches that SLURM has already
  for (const auto& batch : standing.batches)
    if (batch.alive) before.insert(batch.batch.number);
  require_writable_store(parsed.store.root());
  const auto plan_file = operations::announce_plan(files, parsed.store, plan);
  experiments::note_source(files, parsed.store, plan.suite, parsed.source());
  auto typed = standing.request.plan_arguments;
  const auto folder = std::filesystem::absolute(parsed.values["SUITE.toml"].as<std::string>()).parent_path();
  if (const auto& root = standing.request.relative_to; root.lexically_normal() != folder.lexically_normal())
    typed.insert(typed.end(), {"--relative-to", root.string()});
  experiments::note_typed_plan(files, parsed.store, plan.suite, {plan_file, std::move(typed)});
  const auto refusal =
      operations::submit_all_missing(files, client, effects, standing, plan, orchestrator::wall_clock_seconds);
  const auto done = [&](const operations::BatchStanding& batch) {
    return !before.contains(batch.batch.number) ? "submitted"
           : is_at_work(batch)                  ? "at work already"
                                                : "is there already";
  };
  if (!parsed.json)
    for (const auto& line : lines) std::cout << line << "\n";
  print_jobs(standing, parsed.json, nothing_new, refusal, done, status);
  if (refusal) operations::throw_refused(*refusal);
  if (unreleased) throw std::move(*unreleased);
  return 0;
}

void add_changes(options::options_description& visible) {
  auto add = visible.add_options();
  add("here", "run it here, whatever was submitted");
  add("time", options::value<std::string>(), "another limit of an allocation: minutes, H:MM:SS or D-HH:MM:SS");
  add("nodes", options::value<int>(), "another number of nodes of each allocation");
  add("allocations", options::value<std::string>(), "another number of jobs side by side: 4, or 1..8");
}

// Changes the allocations that train. Those of other kinds of jobs stay as they were, also if they have the request's
// resources.
slurm::SubmissionRequest changed(slurm::SubmissionRequest request, const options::variables_map& values,
                                 slurm::Time now, std::vector<operations::Pool>& pools) {
  const auto change = [&](slurm::Resources& resources) {
    if (values.count("time") > 0) resources.time = slurm::parse_time_limit(values["time"].as<std::string>(), "--time");
    if (values.count("nodes") > 0) resources.nodes = at_least("nodes", values["nodes"].as<int>(), 1);
    slurm::validate(resources);
    slurm::require_launcher(request.launcher, resources.nodes);
    operations::require_time_to_work(request, resources.time);
  };
  const slurm::Resources before = request.resources;
  change(request.resources);
  for (operations::Pool& pool : pools) {
    if (!operations::takes(pool.kinds, settings::JobKind::kTraining)) {
      if (pool.shapes.empty() && request.resources != before) pool.shapes = {before};
      continue;
    }
    std::ranges::for_each(pool.shapes, change);
    std::vector<slurm::Resources> different;
    for (auto& shape : pool.shapes)
      if (std::ranges::find(different, shape) == different.end()) different.push_back(std::move(shape));
    pool.shapes = std::move(different);
    if (values.count("allocations") == 0) continue;
    std::tie(pool.least, pool.most) = parse_allocations(values["allocations"].as<std::string>(), "--allocations");
    if (!pool.kinds.empty()) pool.least = 0;
    if (pool.least < pool.most && request.idle_limit.count() == 0) request.idle_limit = kDefaultIdleLimit;
  }
  request.created = now;
  request.by = operations::effective_user() + "@" + core::host_name();
  return request;
}

// Cancels the submission's waiting jobs. \throws RuntimeError (kInput) if a job has its nodes, or one is left that may
// run at any moment
void withdraw(const Resume& order, const operations::Standing& standing) {
  const auto has_nodes = [](const slurm::QueuedJob& job) {
    return slurm::is_at_work(slurm::phase_of(job.state)) || job.state == slurm::JobState::kConfiguring;
  };
  const auto refuse = [&](const std::vector<slurm::QueuedJob>& jobs, bool waiting_too) {
    for (const auto& job : jobs)
      if (waiting_too || has_nodes(job))
        throw core::input_error(
            fmt::format("job {} of the suite {}", job.id, has_nodes(job) ? "runs" : "may begin at any moment"),
            "what it was submitted with stays as it is while it runs",
            fmt::format("`{}` lets it write checkpoints and end; then give this again",
                        suite_command("cancel", order.parsed, standing.request.plan_arguments)));
  };
  for (const auto& batch : standing.batches) refuse(batch.queued, false);
  for (const auto& batch : standing.batches)
    if (!batch.queued.empty())
      order.client.at(standing.request.cluster).cancel(batch.batch.job_name, slurm::CancelScope::kWaiting);
  for (const auto& open :
       operations::open_submissions(order.files, order.client, standing.folder.path().parent_path().parent_path())) {
    if (open.trouble)
      throw core::RuntimeError(core::ErrorKind::kTransient, "SLURM does not say which jobs it has", *open.trouble,
                               "give the same command again when it answers");
    const bool withdrawn = open.folder.path() == standing.folder.path();
    for (const auto& batch : open.batches) refuse(batch.queued, withdrawn);
  }
}

// Replaces the submission by one with other resources. \return the new one; nothing if the resources are the same
std::optional<operations::Standing> exchange(const Resume& order, operations::Standing& standing) {
  const auto& [files, client, effects, parsed, plan] = order;
  auto pools = operations::pools_of(standing.request);
  auto plain = changed(standing.request, parsed.values, orchestrator::wall_clock_seconds(), pools);
  plain.left_out.clear();
  const auto request_of = [&](const std::string& token) {
    auto request = plain;
    request.token = token;
    request.batches = operations::batches_of(request.suite, token, pools);
    return request;
  };
  const auto request = request_of(standing.request.token);
  if (operations::same_order(request, standing.request)) return std::nullopt;
  operations::require_gpus(files, parsed.store, plan, request);
  for (const auto& batch : request.batches) slurm::validate(slurm::script_of(request, batch, standing.folder.path()));
  if (const auto warning = operations::require_possible(effects, request)) core::log_warning("{}", *warning);
  const std::string text = core::read_text(files, standing.folder.suite_file());
  operations::leave_out_bad_nodes(files, effects, parsed.store, plain);
  withdraw(order, standing);
  standing.folder.end("replaced by `suite resume` with other options");
  return operations::create_after_others(files, client, effects, parsed.store.suite_folder(plan.suite), text,
                                         request_of);
}

}  // namespace

int suite_resume(const Arguments& arguments) {
  const bool help = std::ranges::any_of(
      arguments, [](const std::string& argument) { return argument == "--help" || argument == "-h"; });
  const auto environment = core::current_environment();
  Arguments run = arguments;
  std::erase(run, "--here");
  if (!help && (run.size() != arguments.size() || has_run_options(arguments) || environment.contains("SLURM_JOB_ID") ||
                orchestrator::launched_by_mpi(environment)))
    return run_suite(run, RunOf::kLast);
  options::options_description visible;
  add_changes(visible);
  auto parsed = parse_suite_arguments(arguments, kSuiteResumeHelp, visible);
  if (!parsed) return 0;
  auto& files = core::real_file_system();
  const auto suite_folder = parsed->store.suite_folder(parsed->plan(false).suite);
  operations::require_own_submissions(files, suite_folder);
  const slurm::Effects effects = slurm::real_effects();
  slurm::Client client = operations::interactive_client();
  auto open = operations::settled_submissions(files, client, effects, suite_folder);
  const auto& values = parsed->values;
  const bool changes = values.count("time") + values.count("nodes") + values.count("allocations") > 0;
  if (open.empty() && changes)
    throw core::input_error("nothing of this suite is submitted that could go on",
                            "--time, --nodes and --allocations are of a submission",
                            "`resolute suite submit` takes them, or leave them out to run it here");
  if (open.empty()) return run_suite(arguments, RunOf::kLast);
  operations::Standing& newest = open.back();
  const auto plan = submitted_plan(*parsed, arguments, newest, visible);
  if (orchestrator::all_results_there(files, parsed->store, plan, results::record_check(files, parsed->store)))
    return report_complete("resume", newest.request.token, plan, parsed->json);
  if (operations::suite_has_changed(
          files, newest.folder, experiments::text_with_includes(files, parsed->values["SUITE.toml"].as<std::string>())))
    core::log_warning("{}", operations::kSuiteHasChanged);
  warn_of_cluster(newest.request, cluster_here(files, environment));
  operations::require_sbatch(environment);
  const Resume order{files, client, effects, *parsed, plan};
  if (changes) {
    operations::require_answer(newest);
    if (auto exchanged = exchange(order, newest)) return go_on(order, *exchanged);
  }
  return go_on(order, newest);
}

}  // namespace resolute::cli
