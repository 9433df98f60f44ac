#include "operations/growth/demand.h"

#include <algorithm>
#include <map>

#include "operations/submissions/batches.h"
#include "orchestrator/launch/launch.h"

namespace resolute::operations {

namespace {

using slurm::Phase;
using std::chrono::seconds;

constexpr std::size_t kRecentWaits = 5;

// Ranks at once in one allocation. A node whose number nobody gave counts as one: rather an allocation too many than
// too few.
int ranks_of(const slurm::SubmissionRequest& request, const slurm::Resources& resources, bool on_gpus) {
  const int slots = request.slots.value_or(0);
  const int each = on_gpus     ? resources.gpus_per_node * request.jobs_per_gpu
                   : slots > 0 ? slots
                               : resources.cpus_per_node;
  return std::max(1, each) * std::max(1, resources.nodes);
}

// Waits before the first begin of each job that SLURM took. A requeued job waits from its requeue, whose time nobody
// keeps.
std::map<slurm::Time, seconds> waits_of(const StoredBatch& batch) {
  std::map<slurm::Time, seconds> waits;
  for (const slurm::KnownJob& job : batch.known) {
    if (job.armed) continue;  // it waited for another one's end
    const auto first = std::ranges::find_if(batch.runs, [&](const auto& run) {
      return run.job == job.id && run.restart == 0 && run.repeat == 0 && run.slurm_begin;
    });
    if (job.submitted && first != batch.runs.end() && *first->slurm_begin >= *job.submitted)
      waits[*first->slurm_begin] = *first->slurm_begin - *job.submitted;
  }
  return waits;
}

int starts_in_vain(const StoredBatch& batch) {
  const auto not_in_vain = std::find_if(batch.runs.rbegin(), batch.runs.rend(), [](const slurm::ScriptStart& run) {
    return !ended_for_good(run) || run.after.results > run.before.results || run.after.steps != run.before.steps;
  });
  return static_cast<int>(not_in_vain - batch.runs.rbegin());
}

// A kept batch that is to be submitted again: SLURM has no job of its name, or nobody knows whose that job is.
bool is_missing(const StoredBatch& batch, const std::vector<slurm::QueuedJob>& queued, Pardon pardon) {
  if (batch.batch.on_demand || pardon == Pardon::kNo) return false;
  const bool has_job = std::ranges::any_of(queued, [&](const slurm::QueuedJob& job) {
    return job.name == batch.batch.job_name && slurm::phase_of(job.state) != Phase::kEnded;
  });
  return !has_job || !std::holds_alternative<slurm::KnownJob>(batch.last);
}

NextGeneration next_of(const StoredBatch& batch, const std::string& why) {
  const bool begun = std::holds_alternative<slurm::Intended>(batch.last);
  return {&batch, batch.generation + (begun ? 0 : 1), why};
}

void add_work(const SuiteWork& work, PoolDemand& demand) {
  double rank_milliseconds = 0;
  bool known = true;
  for (std::size_t i = 0; i < work.plan.jobs.size(); ++i) {
    if (work.standings.at(i) != JobStanding::kReady ||
        !takes(demand.kinds, experiments::job_kind(work.plan.jobs[i].specification)))
      continue;
    const int ranks = work.plan.jobs[i].slots;
    ++demand.ready_jobs;
    demand.ready_ranks += ranks;
    known = known && work.expected.at(i).learned;
    rank_milliseconds += static_cast<double>(work.expected.at(i).expected_ms) * ranks;
  }
  if (known && demand.ready_jobs > 0) demand.ready_work = seconds(static_cast<std::int64_t>(rank_milliseconds / 1000));
}

}  // namespace

std::vector<const slurm::QueuedJob*> jobs_that_go_on(const StoredBatch& batch,
                                                     const std::vector<slurm::QueuedJob>& queued) {
  const auto has_ended = [&](const slurm::QueuedJob& job) {
    return slurm::phase_of(job.state) == Phase::kEnded ||
           std::ranges::any_of(batch.runs, [&](const slurm::ScriptStart& run) {
             return run.job == job.id && run.generation == batch.generation && ended_for_good(run);
           });
  };
  std::vector<const slurm::QueuedJob*> jobs;
  for (const slurm::QueuedJob& job : queued)
    if (job.name == batch.batch.job_name && !has_ended(job)) jobs.push_back(&job);
  return jobs;
}

Presence presence_of(const StoredBatch& batch, const std::vector<const slurm::QueuedJob*>& queued, Pardon pardon) {
  if (!queued.empty()) {
    const bool at_work =
        std::ranges::any_of(queued, [](const auto* job) { return slurm::is_at_work(slurm::phase_of(job->state)); });
    return at_work ? Presence::kRuns : Presence::kWaits;
  }
  // An intent without an answer is settled by another try.
  if (is_unsettled(batch)) return Presence::kFree;
  if (pardon == Pardon::kYes) return Presence::kFree;
  if (std::holds_alternative<slurm::Refused>(batch.last)) return Presence::kBarred;
  return is_over(batch) && starts_in_vain(batch) < kMostInVain ? Presence::kFree : Presence::kBarred;
}

std::optional<seconds> queue_wait_of(const std::vector<const StoredBatch*>& batches,
                                     const std::vector<slurm::QueuedJob>& queued, slurm::Time now) {
  std::map<slurm::Time, seconds> begun;
  std::optional<seconds> longest;
  for (const StoredBatch* batch : batches) {
    begun.merge(waits_of(*batch));
    for (const slurm::QueuedJob* job : jobs_that_go_on(*batch, queued))
      if (slurm::phase_of(job->state, job->reason) == Phase::kWaits && job->submitted && job->reason != "Dependency")
        longest = std::max(longest.value_or(seconds(0)), now - *job->submitted);
  }
  std::vector<seconds> recent;
  for (auto wait = begun.rbegin(); wait != begun.rend() && recent.size() < kRecentWaits; ++wait)
    recent.push_back(wait->second);
  if (recent.empty()) return longest;
  std::ranges::sort(recent);
  return std::max(recent[recent.size() / 2], longest.value_or(seconds(0)));
}

std::vector<PoolDemand> demands_of(const StoredSubmission& submission, const std::vector<slurm::QueuedJob>& queued,
                                   const SuiteWork& work, slurm::Time now, Pardon pardon) {
  const slurm::SubmissionRequest& request = submission.request;
  const auto on_gpus = orchestrator::jobs_on_gpus(work.plan.jobs);
  std::map<std::vector<settings::JobKind>, std::vector<const StoredBatch*>> pools;
  for (const StoredBatch& batch : submission.batches) pools[batch.batch.kinds].push_back(&batch);
  std::vector<PoolDemand> demands;
  for (const auto& [kinds, batches] : pools) {
    const auto on_demand = std::ranges::find_if(batches, [](const auto* batch) { return batch->batch.on_demand; });
    if (on_demand == batches.end()) continue;
    PoolDemand& demand = demands.emplace_back();
    demand.kinds = kinds;
    demand.most = most_at_once(request, (*on_demand)->batch);
    const bool gpus = std::ranges::any_of(work.plan.jobs, [&, &pool_kinds = kinds](const auto& job) {
      return takes(pool_kinds, experiments::job_kind(job.specification)) && on_gpus.contains(job.id);
    });
    for (const StoredBatch* batch : batches) {
      const slurm::Resources& resources = slurm::resources_of(request, batch->batch);
      const Presence presence = is_missing(*batch, queued, pardon)
                                    ? Presence::kWaits  // it is submitted before those on demand
                                    : presence_of(*batch, jobs_that_go_on(*batch, queued), pardon);
      demand.batches.push_back({batch->batch.number, presence, batch->batch.on_demand,
                                resources.nodes * resources.time.count(), ranks_of(request, resources, gpus)});
    }
    demand.queue_wait = queue_wait_of(batches, queued, now);
    add_work(work, demand);
  }
  return demands;
}

std::vector<NextGeneration> next_generations(const StoredSubmission& submission,
                                             const std::vector<slurm::QueuedJob>& queued,
                                             const std::vector<PoolDemand>& demands, Pardon pardon) {
  std::vector<NextGeneration> next;
  for (const StoredBatch& batch : submission.batches)
    if (is_missing(batch, queued, pardon)) next.push_back(next_of(batch, ""));
  for (const PoolDemand& demand : demands) {
    const Growth growth = decide_growth(demand);
    for (const int number : growth.batches)
      for (const StoredBatch& batch : submission.batches)
        if (batch.batch.number == number) next.push_back(next_of(batch, growth.why));
  }
  return next;
}

bool would_be_tried_again(const experiments::Plan& plan, const std::vector<JobStanding>& standings, std::size_t index) {
  if (standings.at(index) != JobStanding::kFailed && standings.at(index) != JobStanding::kCancelled) return false;
  const auto& needs = plan.jobs.at(index).after;
  // A plan lists a job after what it needs.
  std::size_t done = 0;
  for (std::size_t i = 0; i < index; ++i)
    if (standings.at(i) == JobStanding::kSucceeded && std::ranges::find(needs, plan.jobs[i].id) != needs.end()) ++done;
  return done == needs.size();
}

bool has_work(const slurm::Batch& batch, const experiments::Plan& plan, const std::vector<JobStanding>& standings) {
  for (std::size_t i = 0; i < plan.jobs.size(); ++i)
    if (takes(batch.kinds, experiments::job_kind(plan.jobs[i].specification)) &&
        (standings.at(i) == JobStanding::kReady || would_be_tried_again(plan, standings, i)))
      return true;
  return false;
}

}  // namespace resolute::operations
