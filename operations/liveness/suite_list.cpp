#include "operations/liveness/suite_list.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/error.h"
#include "core/log.h"
#include "core/process/side_by_side.h"
#include "experiments/store/typed_plans.h"
#include "operations/liveness/run_signs.h"
#include "operations/look/status.h"
#include "operations/look/timeline.h"
#include "operations/space/needs.h"
#include "orchestrator/decisions/state.h"
#include "orchestrator/journal/epoch.h"
#include "results/records/record.h"

namespace resolute::operations {

namespace {

using orchestrator::Instant;

// Folders of further allocations, NAME@K, go with NAME.
std::vector<std::string> suite_names(core::FileSystem& files, const experiments::StoreLayout& store) {
  std::set<std::string> names;
  for (const std::string& folder : orchestrator::run_names(files, store))
    names.insert(experiments::suite_of_run(folder));
  return {names.begin(), names.end()};
}

// The store's part of a suite, read before SLURM is asked.
struct Read {
  std::string name;
  std::vector<StoredSubmission> submissions;
  std::vector<orchestrator::KnownRun> runs;
  Timeline timeline;
  std::optional<std::string> damage{};
};

Read read_suite(core::FileSystem& files, const experiments::StoreLayout& store, const std::string& name) {
  Read read{name, read_submissions(files, store.suite_folder(name)), {}, {}};
  try {
    read.runs = orchestrator::read_runs(files, store, orchestrator::run_names(files, store, name));
    read.timeline = read_timeline(files, store, name);
  } catch (const core::RuntimeError& error) {
    if (error.is_storage()) throw;
    read.damage = error.what();
  }
  return read;
}

// The state of a job over all allocations; the greatest counts.
enum class JobEnd { kOpen, kCancelled, kFailed, kRunning, kDone };

struct CountedJob {
  JobEnd end = JobEnd::kOpen;
  std::string kind;
};

// A run at work has read the records at its begin: what it found done stays done.
void reopen_damaged(core::FileSystem& files, const experiments::StoreLayout& store,
                    std::map<std::string, CountedJob>& jobs) {
  std::vector<std::pair<const std::string, CountedJob>*> done;
  for (auto& job : jobs)
    if (job.second.end == JobEnd::kDone) done.push_back(&job);
  core::side_by_side(done.size(), [&](std::size_t i) {
    auto& [id, job] = *done[i];
    const auto found = results::find_record(files, store, {id}, job.kind);
    if (std::holds_alternative<results::DamagedRecord>(found)) job.end = JobEnd::kOpen;
  });
}

// \return the jobs, by id
std::map<std::string, CountedJob> count_jobs(core::FileSystem& files, const experiments::StoreLayout& store,
                                             const Read& read, bool live, ListedSuite& listed) {
  std::map<std::string, CountedJob> jobs;  // by id
  for (const orchestrator::KnownRun& run : read.runs)
    for (const orchestrator::Job& job : run.state.jobs) {
      const bool done = std::holds_alternative<orchestrator::Succeeded>(job.state);
      if (!job.wanted && !done) continue;
      const JobEnd end = done ? JobEnd::kDone
                         : live && run.live && std::holds_alternative<orchestrator::Running>(job.state)
                             ? JobEnd::kRunning
                         : std::holds_alternative<orchestrator::Failed>(job.state)    ? JobEnd::kFailed
                         : std::holds_alternative<orchestrator::Cancelled>(job.state) ? JobEnd::kCancelled
                                                                                      : JobEnd::kOpen;
      auto& known = jobs.try_emplace(job.id.hex, CountedJob{JobEnd::kOpen, job.kind}).first->second;
      known.end = std::max(known.end, end);
    }
  if (!live) reopen_damaged(files, store, jobs);
  for (const auto& [id, job] : jobs) {
    ++listed.all;
    listed.done += job.end == JobEnd::kDone ? 1 : 0;
    listed.running += job.end == JobEnd::kRunning ? 1 : 0;
    listed.failed += job.end == JobEnd::kFailed ? 1 : 0;
    listed.cancelled += job.end == JobEnd::kCancelled ? 1 : 0;
    listed.jobs.push_back({id});
    if (job.kind == "seal") listed.seals.push_back({id});
  }
  return jobs;
}

ListedPlan counted_plan(const std::string& file, const SuiteNeeds& needs,
                        const std::map<std::string, CountedJob>& jobs) {
  ListedPlan plan{file};
  for (const auto& [id, kind] : needs.jobs) {
    ++plan.all;
    if (const auto job = jobs.find(id); job != jobs.end()) {
      plan.done += job->second.end == JobEnd::kDone ? 1 : 0;
      plan.failed += job->second.end == JobEnd::kFailed ? 1 : 0;
    }
  }
  return plan;
}

// Those of which the options are not known stand first, by name.
void list_plans(core::FileSystem& files, const experiments::StoreLayout& store,
                const std::map<std::string, CountedJob>& jobs, ListedSuite& listed) {
  const auto typed = experiments::read_typed_plans(files, store, listed.name);
  const auto place_of = [&](const ListedPlan& plan) {
    const auto found = std::ranges::find(typed, plan.file, &experiments::TypedPlan::plan);
    return found == typed.end() ? 0 : 1 + (found - typed.begin());
  };
  const auto folder = store.suite_folder(listed.name);
  if (!files.exists(folder)) return;
  for (const std::string& name : files.list(folder)) {
    if (!is_plan_file(name)) continue;
    try {
      listed.plans.push_back(counted_plan(name, read_plan_file(files, folder / name), jobs));
    } catch (const core::RuntimeError& error) {
      if (error.is_storage()) throw;
      core::log_warning("a plan of suite {} is not listed: {}", listed.name, error.what());
      continue;
    }
    if (const auto place = place_of(listed.plans.back()); place > 0)
      listed.plans.back().arguments = typed[static_cast<std::size_t>(place - 1)].arguments;
  }
  std::ranges::stable_sort(listed.plans, {}, place_of);
  for (auto plan = listed.plans.begin(); plan != listed.plans.end(); ++plan)
    plan->of_earlier_text = plan->arguments && std::any_of(plan + 1, listed.plans.end(), [&](const ListedPlan& later) {
                              return later.arguments == plan->arguments;
                            });
}

// The start or run that ended last.
void find_last_end(const Read& read, ListedSuite& listed) {
  const auto take = [&](Instant at, const std::string& words) {
    if (listed.last_end && *listed.last_end > at) return;
    listed.last_end = at;
    listed.last_words = words;
  };
  for (const TimelineRun& run : read.timeline.runs)
    if (!run.going_on) take(run.end, run.words);
  for (const StoredSubmission& submission : read.submissions)
    for (const StoredBatch& batch : submission.batches)
      for (const slurm::ScriptStart& run : batch.runs)
        if (run.end && run.cause) take(Instant(*run.end), std::string(slurm::name_of(*run.cause)));
}

SuiteFacts facts_of(const Read& read, const ListedSuite& listed, const SlurmAnswer& answer, bool live) {
  SuiteFacts facts{listed.all, listed.done, listed.failed + listed.cancelled, live};
  for (const AllocationView& view : join(read.submissions, answer, listed.all > 0 && listed.done == listed.all))
    facts.allocations.push_back(view.state);
  for (const orchestrator::KnownRun& run : read.runs)
    facts.cancelled = facts.cancelled || orchestrator::is_cancelled_by_somebody(run.state.stop.value_or(""));
  if (!read.submissions.empty())
    for (const slurm::ScriptStart* run : telling_runs(read.submissions.back().batches)) {
      facts.given_up = facts.given_up || run->given_up;
      facts.cancelled = facts.cancelled || run->cause == slurm::EndCause::kCancelled;
    }
  return facts;
}

}  // namespace

SuiteState state_of(const SuiteFacts& facts) {
  const auto any = [&](AllocationView::State state) {
    return std::ranges::find(facts.allocations, state) != facts.allocations.end();
  };
  using enum AllocationView::State;
  // A suite that is just writing its tables is done.
  if (facts.all > 0 && facts.done == facts.all) return SuiteState::kComplete;
  if (facts.live || any(kRuns) || any(kEnding)) return SuiteState::kRunning;
  if (any(kHeld)) return SuiteState::kHeld;
  if (any(kWaits)) return SuiteState::kWaits;
  if (any(kUnknown)) return SuiteState::kUnknown;
  if (facts.given_up) return SuiteState::kGivenUp;
  if (facts.cancelled) return SuiteState::kCancelled;
  if (facts.ended_badly > 0) return SuiteState::kIncomplete;
  return facts.all > 0 ? SuiteState::kInterrupted : SuiteState::kNotBegun;
}

std::vector<ListedSuite> list_suites(core::FileSystem& files, const experiments::StoreLayout& store,
                                     const std::function<SlurmAnswer(const NamesByCluster& names)>& ask, Instant now) {
  std::vector<Read> suites;
  NamesByCluster names;
  for (const std::string& name : suite_names(files, store)) {
    suites.push_back(read_suite(files, store, name));
    for (const auto& [cluster, more] : names_to_ask(suites.back().submissions))
      names[cluster].insert(names[cluster].end(), more.begin(), more.end());
  }
  const SlurmAnswer answer = names.empty() ? SlurmAnswer{} : ask(names);
  std::vector<ListedSuite> list;
  for (const Read& read : suites) {
    // Somebody else's folder, or one with figures only.
    if (read.runs.empty() && read.submissions.empty() && !read.damage) continue;
    SuiteStatus status;
    for (const orchestrator::KnownRun& run : read.runs) {
      status.runs.push_back({run.name, run.run_epoch, run.live});
      status.live = status.live || run.live;
    }
    correct(status, read.submissions, answer, read_signs(files, store, status, now));
    ListedSuite listed;
    listed.name = read.name;
    listed.damage = read.damage;
    list_plans(files, store, count_jobs(files, store, read, status.live, listed), listed);
    listed.usage = usage_of(read.submissions, read.timeline, now);
    find_last_end(read, listed);
    listed.state = state_of(facts_of(read, listed, answer, status.live));
    list.push_back(std::move(listed));
  }
  return list;
}

}  // namespace resolute::operations
