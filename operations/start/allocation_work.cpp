#include "operations/start/allocation_work.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "core/error.h"
#include "core/log.h"
#include "orchestrator/journal/epoch.h"
#include "orchestrator/store/stored_jobs.h"
#include "results/records/record.h"

namespace resolute::operations {

namespace {

std::vector<std::string> suite_arguments(const slurm::SubmissionFolder& folder,
                                         const slurm::SubmissionRequest& request) {
  std::vector<std::string> arguments{folder.suite_file().string(), "--store", request.store.string(), "--relative-to",
                                     request.relative_to.string()};
  arguments.insert(arguments.end(), request.plan_arguments.begin(), request.plan_arguments.end());
  return arguments;
}

// Options of `suite run`: the given ones, and those of this batch.
std::vector<std::string> run_arguments(const slurm::SubmissionRequest& request, const slurm::Batch& batch) {
  std::vector<std::string> arguments = request.run_arguments;
  // Others may use the node too, and nothing but the run keeps to the processors that were asked for.
  const int processors = slurm::resources_of(request, batch).cpus_per_node;
  if (request.slots || processors > 0)
    arguments.insert(arguments.end(), {"--slots", std::to_string(request.slots.value_or(processors))});
  if (request.jobs_per_gpu > 1)
    arguments.insert(arguments.end(), {"--jobs-per-gpu", std::to_string(request.jobs_per_gpu)});
  if (!batch.kinds.empty()) {
    std::vector<std::string_view> kinds;
    for (const settings::JobKind kind : batch.kinds) kinds.push_back(settings::word(kind));
    arguments.insert(arguments.end(), {"--kinds", fmt::format("{}", fmt::join(kinds, ","))});
  }
  if (batch.on_demand) arguments.insert(arguments.end(), {"--idle-limit", std::to_string(request.idle_limit.count())});
  return arguments;
}

// Highest checkpoints of the plan's jobs, summed: it grows with every one that is written.
std::int64_t checkpointed_steps(const orchestrator::State& state, const experiments::Plan& plan) {
  std::int64_t steps = 0;
  for (const auto& job : plan.jobs)
    if (const auto number = state.numbers.find(job.id.hex); number != state.numbers.end())
      steps += std::max<std::int64_t>(0, orchestrator::job_of(state, number->second).checkpoint);
  return steps;
}

// A search makes the plan longer when a rung is complete, and a run that dies between two plans has ended the first.
bool tells_of(const orchestrator::State& run, const experiments::Plan& plan) {
  if (plan.searches.empty()) return true;
  if (run.end == orchestrator::RunEnd::kComplete && plan.waits()) return false;
  if (run.end != orchestrator::RunEnd::kComplete && run.end != orchestrator::RunEnd::kIncomplete) return true;
  return std::ranges::all_of(plan.jobs, [&](const experiments::PlannedJob& job) {
    const auto number = run.numbers.find(job.id.hex);
    return number != run.numbers.end() && orchestrator::job_of(run, number->second).wanted;
  });
}

}  // namespace

AllocationWork read_work(const slurm::SubmissionFolder& folder, const slurm::SubmissionRequest& request,
                         const slurm::Batch& batch, const PlanOf& plan_of) {
  const auto arguments = suite_arguments(folder, request);
  AllocationWork work{experiments::StoreLayout(request.store), plan_of(arguments), {}, request.container.command};
  const bool in_container = !request.container.command.empty() && !request.container.program.empty();
  work.suite_run.push_back(in_container ? request.container.program : request.resolute.string());
  work.suite_run.insert(work.suite_run.end(), {"suite", "run"});
  work.suite_run.insert(work.suite_run.end(), arguments.begin(), arguments.end());
  const auto options = run_arguments(request, batch);
  work.suite_run.insert(work.suite_run.end(), options.begin(), options.end());
  work.suite_run.insert(work.suite_run.end(), {"--allocation", std::to_string(batch.first_allocation), "--notice",
                                               std::to_string(request.notice.count())});
  work.run_folder = work.store.suite_folder(experiments::run_name(work.suite.suite, batch.first_allocation));
  return work;
}

Outcome read_outcome(core::FileSystem& files, const AllocationWork& work, bool ended_here) {
  Outcome outcome;
  std::set<experiments::JobId> succeeded;  // as the journal says
  outcome.achieved.steps.reset();
  try {
    const auto past = orchestrator::read_past(files, work.run_folder);
    outcome.achieved.steps = checkpointed_steps(past.state, work.suite);
    if (tells_of(past.state, work.suite)) outcome.end = past.state.end;
    for (const orchestrator::Job& job : past.state.jobs)
      if (std::holds_alternative<orchestrator::Succeeded>(job.state)) succeeded.insert(job.id);
    outcome.store_failed = std::ranges::any_of(past.state.jobs, [](const orchestrator::Job& job) {
      const auto* failed = std::get_if<orchestrator::Failed>(&job.state);
      return job.wanted && failed != nullptr && failed->cause == orchestrator::Cause::kStorageFull;
    });
    outcome.reason = past.state.stop.value_or("");
    outcome.asked_to_stop = orchestrator::is_cancelled_by_somebody(outcome.reason);
  } catch (const core::RuntimeError& error) {
    if (error.is_storage()) throw;
    core::log_warning("the journal says nothing of the run: {}", error.what());
  }
  const auto done = [&](const experiments::JobId& job) { return succeeded.contains(job); };
  const auto known = std::ranges::count_if(work.suite.jobs, done, &experiments::PlannedJob::id);
  if (ended_here && outcome.end == orchestrator::RunEnd::kInterrupted && std::cmp_less(known, work.suite.jobs.size())) {
    outcome.achieved.results = known;
    return outcome;
  }
  // No call for each job unless all seem done.
  const auto check = results::record_check(files, work.store);
  const auto stored = orchestrator::look_at_jobs(files, work.store, work.suite.jobs, check, done);
  outcome.achieved.results =
      std::ranges::count_if(stored, [](const orchestrator::StoredJob& job) { return job.result; });
  const bool all = std::cmp_equal(outcome.achieved.results, stored.size());
  const bool every_result = (all || outcome.end == orchestrator::RunEnd::kComplete) &&
                            orchestrator::all_results_there(files, work.store, work.suite, check);
  outcome.complete = every_result && !work.suite.waits();
  outcome.stuck = every_result && work.suite.waits();
  return outcome;
}

}  // namespace resolute::operations
