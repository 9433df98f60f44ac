#include "operations/look/status.h"

#include <algorithm>
#include <unordered_set>

#include "orchestrator/journal/epoch.h"
#include "orchestrator/store/stored_jobs.h"

namespace resolute::operations {

namespace {

using orchestrator::Job;
using orchestrator::KnownRun;

const Job* job_with(const orchestrator::State& state, const experiments::JobId& id) {
  const auto number = state.numbers.find(id.hex);
  return number == state.numbers.end() ? nullptr : &orchestrator::job_of(state, number->second);
}

// The standing of a job without a result, over all allocations: one that is at work on it counts before one that gave
// it up.
JobStanding standing_of(const experiments::PlannedJob& planned, bool ready, const std::vector<KnownRun>& pasts,
                        std::vector<orchestrator::Failure>& failures) {
  const Job* failed = nullptr;
  const Job* cancelled = nullptr;
  bool hoped_for = false;  // a run is at work that may do it and has not given it up
  for (const KnownRun& past : pasts) {
    const Job* job = job_with(past.state, planned.id);
    if (job == nullptr || !job->wanted) continue;
    if (past.live && std::holds_alternative<orchestrator::Running>(job->state)) return JobStanding::kRunning;
    if (std::holds_alternative<orchestrator::Failed>(job->state))
      failed = job;
    else if (std::holds_alternative<orchestrator::Cancelled>(job->state))
      cancelled = job;
    else
      hoped_for = hoped_for || (past.live && !job->elsewhere);
  }
  if (!hoped_for && failed != nullptr) {
    const auto& end = std::get<orchestrator::Failed>(failed->state);
    failures.push_back({planned.id, planned.label, std::string(name_of(end.cause)), end.evidence});
    return JobStanding::kFailed;
  }
  if (!hoped_for && cancelled != nullptr) {
    failures.push_back({planned.id, planned.label,
                        std::string(cancelled->unwanted ? orchestrator::kCancelledByUser : orchestrator::kNeedsFailed),
                        std::get<orchestrator::Cancelled>(cancelled->state).why});
    return JobStanding::kCancelled;
  }
  return ready ? JobStanding::kReady : JobStanding::kWaiting;
}

}  // namespace

orchestrator::Counts counts_of(const std::vector<JobStanding>& standings) {
  using enum JobStanding;
  const auto count = [&](JobStanding one) { return static_cast<int>(std::ranges::count(standings, one)); };
  return {count(kWaiting), count(kReady), count(kRunning), count(kSucceeded), count(kFailed), count(kCancelled)};
}

SuiteStatus read_status(core::FileSystem& files, const experiments::StoreLayout& store, const experiments::Plan& plan,
                        const orchestrator::RecordCheck& check, const std::set<std::string>& over) {
  SuiteStatus status;
  std::vector<KnownRun> pasts =
      orchestrator::read_runs(files, store, orchestrator::run_names(files, store, plan.suite));
  for (KnownRun& past : pasts) {
    past.live = past.live && !over.contains(past.name);
    status.live = status.live || past.live;
    const auto wanted = std::ranges::count_if(past.state.jobs, &Job::wanted);
    status.runs.push_back({past.name, past.run_epoch, past.live, static_cast<std::size_t>(wanted),
                           past.state.stop && orchestrator::is_cancelled_by_somebody(*past.state.stop)});
  }
  const auto seen_done = [&](const experiments::JobId& id) {
    return std::ranges::any_of(pasts, [&](const KnownRun& past) {
      const Job* job = job_with(past.state, id);
      return job != nullptr && std::holds_alternative<orchestrator::Succeeded>(job->state);
    });
  };
  const std::vector<orchestrator::StoredJob> stored =
      check && !status.live ? orchestrator::look_at_jobs(files, store, plan.jobs, check)
                            : orchestrator::look_at_jobs(files, store, plan.jobs, check, seen_done);
  status.classes = orchestrator::classes_of(stored);
  std::unordered_set<std::string> done;
  for (std::size_t i = 0; i < plan.jobs.size(); ++i) {
    const experiments::PlannedJob& planned = plan.jobs[i];
    if (stored[i].result) {
      done.insert(planned.id.hex);
      status.standings.push_back(JobStanding::kSucceeded);
      continue;
    }
    const bool ready =
        std::ranges::all_of(planned.after, [&](const experiments::JobId& need) { return done.contains(need.hex); });
    status.standings.push_back(standing_of(planned, ready, pasts, status.failures));
  }
  status.jobs = counts_of(status.standings);
  return status;
}

}  // namespace resolute::operations
