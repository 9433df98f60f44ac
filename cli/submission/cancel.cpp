// `resolute suite cancel`

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iostream>
#include <set>

#include "cli/job/find_job.h"
#include "cli/subcommands.h"
#include "cli/suite/arguments.h"
#include "cli/suite/live_request.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "core/process/process.h"
#include "experiments/store/job_folder.h"
#include "operations/notices/notice.h"
#include "operations/submissions/standing.h"
#include "orchestrator/store/stored_jobs.h"
#include "results/records/record.h"

namespace resolute::cli {

namespace {

constexpr CommandHelp kSuiteCancelHelp{
    "resolute suite cancel SUITE.toml --store STORE [--job JOB]... [--json]",
    R"(Asks every run that is at work to end as ctrl-C does: trainings write a checkpoint, and `suite run` or `suite resume`
goes on from there. Jobs of the suite that were submitted to SLURM are cancelled too: those that wait at once, those
that run when their checkpoints are written, after two minutes at the latest.

With --job it gives up these jobs and all that need them, and goes on with the others; the next run does them after
all.

Works from any machine that sees the store; SLURM's jobs from one that can ask SLURM.)",
    "  resolute suite cancel suite.toml --store /shared/store\n"
    "  resolute suite cancel suite.toml --store /shared/store --job 3fa9\n"};

constexpr std::chrono::seconds kCheckpointPatience(120);
constexpr std::chrono::milliseconds kLookPause(1000);
constexpr std::chrono::milliseconds kLongestPause(5000);
constexpr int kCancelRounds = 15;  // about a minute
// A job that sbatch left open appears in the controller's next answers.
constexpr int kLooksForOpen = 3;
constexpr std::chrono::seconds kBetweenOpenLooks(3);

const experiments::PlannedJob& planned_job(const experiments::Plan& plan, const std::string& digits) {
  std::set<std::string> ids;
  for (const auto& job : plan.jobs)
    if (digits.size() >= kFewestDigits && job.id.hex.starts_with(digits)) ids.insert(job.id.hex);
  const auto id = experiments::only_id(
      ids, digits,
      core::input_error(fmt::format("'{}' names no job of suite '{}'", digits, plan.suite), {},
                        fmt::format("`resolute suite plan` lists them; {} digits or more will do", kFewestDigits)));
  return *std::ranges::find(plan.jobs, id, &experiments::PlannedJob::id);
}

using Runs = std::vector<operations::SuiteRun>;

// SLURM's jobs of the suite's submissions, and the outcome of cancelling them.
struct SlurmJobs {
  bool submitted = false;                // there is a submission
  operations::NamesByCluster names{};    // of batches that may be there
  std::set<std::string> cancelled{};     // that were there
  std::set<std::string> unanswered{};    // that SLURM may still get: no sbatch of theirs has an answer
  std::optional<std::string> trouble{};  // why SLURM's part could not be done
};

class Cancelling {
 public:
  Cancelling(core::FileSystem& files, const SuiteArguments& arguments, const experiments::Plan& plan)
      : files_(files), store_(arguments.store), plan_(plan) {
    jobs_.submitted = !slurm::submissions(files_, store_.suite_folder(plan_.suite)).empty();
    look();
    for (int i = 1; i < kLooksForOpen && !jobs_.unanswered.empty(); ++i) {
      effects_.sleep(kBetweenOpenLooks);
      look();
    }
    if (!jobs_.unanswered.empty())
      core::log_warning(
          "SLURM may still get job {} (somebody submits it just now, or was stopped doing so); if it appears in "
          "`resolute suite status`, give the same command again",
          fmt::join(jobs_.unanswered, ", "));
  }
  const SlurmJobs& jobs() const { return jobs_; }

  // Waiting jobs never begin; running ones are left to end in order.
  void cancel_waiting() {
    if (!jobs_.trouble) cancel(slurm::CancelScope::kWaiting);
  }
  void wait_for_checkpoints(const Runs& asked) {
    const auto end = core::monotonic_clock().now() + kCheckpointPatience;
    const auto goes_on = [&](const operations::SuiteRun& run) {
      return run.live && std::ranges::any_of(asked, [&](const auto& one) { return one.name == run.name; });
    };
    for (;;) {
      const auto runs = operations::read_status(files_, store_, plan_).runs;
      if (std::ranges::none_of(runs, goes_on)) return;
      if (core::monotonic_clock().now() > end) {
        core::log_warning("the run has not ended within {} s; SLURM ends it now", kCheckpointPatience.count());
        return;
      }
      effects_.sleep(kLookPause);
    }
  }
  // Cancels the rest until SLURM has none: a job that was just queuing itself again needs another scancel.
  void cancel_rest() {
    for (int round = 0; !jobs_.trouble && round < kCancelRounds; ++round) {
      if (round > 0) effects_.sleep(std::min(kLookPause * round, kLongestPause));
      const auto jobs = operations::count_jobs(look());
      if (jobs.others > 0 && !jobs_.trouble) cancel(slurm::CancelScope::kAll);
      if (jobs.others + jobs.ending == 0) return;
    }
    if (!jobs_.trouble) core::log_warning("SLURM is still ending jobs; `suite status` tells when they are gone");
  }

 private:
  // Asks again: a batch may have been submitted since the last look.
  std::vector<operations::Standing> look() {
    auto open = operations::open_submissions(files_, client_, store_.suite_folder(plan_.suite));
    jobs_.names.clear();
    jobs_.unanswered.clear();
    for (const auto& standing : open) {
      jobs_.trouble = standing.trouble;
      for (const auto& batch : standing.batches) {
        if (batch.generation < 0) continue;
        if (standing.trouble || !batch.queued.empty())
          jobs_.names[standing.request.cluster].push_back(batch.batch.job_name);
        if (!batch.queued.empty())
          jobs_.cancelled.insert(batch.batch.job_name);
        else if (!standing.trouble && std::holds_alternative<slurm::Intended>(batch.last))
          jobs_.unanswered.insert(batch.batch.job_name);
      }
    }
    return open;
  }
  void cancel(slurm::CancelScope scope) {
    try {
      for (const auto& [cluster, names] : jobs_.names)
        for (const auto& name : names) client_.at(cluster).cancel(name, scope);
    } catch (const core::RuntimeError& error) {
      jobs_.trouble = error.what();
    }
  }

  core::FileSystem& files_;
  experiments::StoreLayout store_;
  const experiments::Plan& plan_;
  slurm::Effects effects_ = slurm::real_effects();
  slurm::Client client_ = operations::interactive_client();
  SlurmJobs jobs_;
};

// \param asked a run, of which `taken` says whether it took it
int report_cancelled(const SlurmJobs& jobs, bool asked, bool taken, const std::string& suite, bool json) {
  const std::set<std::string> cancelled = jobs.trouble ? std::set<std::string>{} : jobs.cancelled;
  if (json) {
    print_json({{"asked", asked ? core::Json(fmt::format("suite {} is being stopped", suite)) : core::Json()},
                {"taken", taken},
                {"cancelled", cancelled},
                {"trouble", jobs.trouble ? core::Json(*jobs.trouble) : core::Json()}});
  } else {
    if (asked)
      std::cout << fmt::format("{}: suite {}\n", taken ? "stopped" : "asked, but not taken by the run within 15 s",
                               suite);
    for (const auto& name : cancelled) std::cout << fmt::format("cancelled: SLURM's job {}\n", name);
    if (!asked && !jobs.trouble && cancelled.empty())
      std::cout << fmt::format("nothing to cancel: no run of suite {} is at work, and SLURM has no job of it\n", suite);
  }
  std::cout << std::flush;
  if (!jobs.trouble) return 0;
  std::vector<std::string> commands;
  for (const auto& [cluster, names] : jobs.names)
    commands.push_back(
        fmt::format("scancel {}-n {}", cluster.empty() ? "" : "-M " + cluster + " ", fmt::join(names, ",")));
  throw core::RuntimeError(core::ErrorKind::kTransient,
                           fmt::format("SLURM's jobs of suite {} could not be cancelled", suite), *jobs.trouble,
                           fmt::format("what waits there will begin again: give the same command when SLURM answers, "
                                       "or {}",
                                       fmt::join(commands, "; ")));
}

// Everything of the suite, here and in SLURM.
int cancel_all(core::FileSystem& files, const SuiteArguments& arguments, const experiments::Plan& plan) {
  operations::require_own_submissions(files, arguments.store.suite_folder(plan.suite));
  Cancelling cancelling(files, arguments, plan);
  Runs runs = live_runs(files, arguments.store, plan);
  if (cancelling.jobs().names.empty()) {
    if (runs.empty() && cancelling.jobs().submitted)
      return report_cancelled({}, false, false, plan.suite, arguments.json);
    runs = require_live_runs(files, arguments.store, plan);
    const bool taken = ask(files, arguments.store, runs, {orchestrator::StopRun{}});
    return report_asked(taken, fmt::format("suite {} is being stopped", plan.suite), arguments.json);
  }
  cancelling.cancel_waiting();
  bool taken = false;
  if (!runs.empty()) {
    taken = ask(files, arguments.store, runs, {orchestrator::StopRun{}});
    // A run that stands still takes no request; SLURM's signal reaches it all the same.
    if (taken) cancelling.wait_for_checkpoints(runs);
  }
  cancelling.cancel_rest();
  // If only waiting jobs were cancelled, no allocation tells of the end.
  if (!cancelling.jobs().trouble &&
      !orchestrator::all_results_there(files, arguments.store, plan, results::record_check(files, arguments.store)))
    for (const auto& folder : slurm::submissions(files, arguments.store.suite_folder(plan.suite)))
      if (!folder.ended())
        operations::tell_of_submission(files, folder, operations::NoticeState::kCancelled, ": by `suite cancel`",
                                       core::current_environment());
  return report_cancelled(cancelling.jobs(), !runs.empty(), taken, plan.suite, arguments.json);
}

}  // namespace

int suite_cancel(const Arguments& arguments) {
  options::options_description visible;
  visible.add_options()("job", options::value<std::vector<std::string>>()->composing(),
                        "only this job, an id's first digits; repeatable");
  auto parsed = parse_suite_arguments(arguments, kSuiteCancelHelp, visible);
  if (!parsed) return 0;
  auto& files = core::real_file_system();
  const auto plan = parsed->plan_as_run();
  if (parsed->values.count("job") == 0) return cancel_all(files, *parsed, plan);
  std::vector<orchestrator::Request> requests;
  std::string message = "given up:";
  for (const auto& digits : parsed->values["job"].as<std::vector<std::string>>()) {
    const auto& job = planned_job(plan, digits);
    if (files.exists(parsed->store.result_file(job.id)))
      throw core::input_error(fmt::format("job '{}' has its result already", digits), job.label);
    requests.emplace_back(orchestrator::CancelJob{job.id});
    message += fmt::format(" {} ({})", experiments::short_id(job.id), job.label);
  }
  const auto runs = require_live_runs(files, parsed->store, plan);
  return report_asked(ask(files, parsed->store, runs, requests), message, parsed->json);
}

}  // namespace resolute::cli
