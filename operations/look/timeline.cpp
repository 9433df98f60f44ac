#include "operations/look/timeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "core/overloaded.h"
#include "operations/look/event_text.h"
#include "orchestrator/journal/epoch.h"

namespace resolute::operations {
namespace {

using orchestrator::Cause;
using orchestrator::Instant;

constexpr const char* kSilent = "fell silent";

std::string words_of(const std::string& evidence, const std::string& why) {
  if (evidence.empty() || why.empty()) return evidence + why;
  return fmt::format("{}; {}", evidence, why);
}

double seconds_between(Instant from, Instant to) { return std::chrono::duration<double>(to - from).count(); }

Instant last_instant(const Timeline& timeline) {
  Instant last{};
  for (const TimelineRun& run : timeline.runs) last = std::max(last, run.end);
  for (const TimelineAttempt& attempt : timeline.attempts)
    last = std::max({last, attempt.begin, attempt.end.value_or(attempt.begin)});
  return last;
}

template <class Held>
double sum_over_attempts(const Timeline& timeline, Held held) {
  const Instant last = last_instant(timeline);
  double sum = 0;
  for (const TimelineAttempt& attempt : timeline.attempts)
    sum += held(attempt) * seconds_between(attempt.begin, attempt.end.value_or(last));
  return sum;
}

// A job that another run has is placed anew every few seconds, always under the same number. Nothing of these
// placements was started, so the last one stands for all.
void keep_last_held(std::vector<TimelineAttempt>& attempts) {
  const auto is_held = [](const TimelineAttempt& attempt) {
    return std::holds_alternative<AttemptHeldElsewhere>(attempt.outcome);
  };
  std::map<experiments::JobId, Instant> last;
  for (const TimelineAttempt& attempt : attempts)
    if (is_held(attempt)) last[attempt.job] = std::max(last[attempt.job], attempt.begin);
  std::erase_if(attempts, [&](const TimelineAttempt& attempt) {
    return is_held(attempt) && attempt.begin != last.at(attempt.job);
  });
}

}  // namespace

std::string_view name_of(const AttemptOutcome& outcome) {
  return std::visit(core::Overloaded{[](AttemptRuns) -> std::string_view { return "running"; },
                                     [](AttemptDone) -> std::string_view { return "done"; },
                                     [](AttemptHeldElsewhere) -> std::string_view { return "held elsewhere"; },
                                     [](Cause cause) { return name_of(cause); }},
                    outcome);
}

std::string_view kind_of(const AttemptOutcome& outcome) {
  const auto* cause = std::get_if<Cause>(&outcome);
  if (cause == nullptr) return std::holds_alternative<AttemptHeldElsewhere>(outcome) ? "elsewhere" : name_of(outcome);
  if (is_no_failure(*cause)) return "stopped";
  return *cause == Cause::kClaimLost ? "elsewhere" : "failed";
}

TimelineOfRecords::TimelineOfRecords(const orchestrator::State& known) {
  for (const auto& [id, number] : known.numbers) {
    ids_[number] = {id};
    gpus_[number] = orchestrator::job_of(known, number).gpus;
  }
  for (const auto& [agent, slots] : known.agents) hosts_[agent] = slots.host;
  for (const auto& [agent, gpus] : known.shared) sharers_[agent] = gpus.jobs;
}

std::size_t TimelineOfRecords::node_of(const std::string& host) {
  auto& hosts = timeline_.hosts;
  const auto found = std::ranges::find(hosts, host);
  if (found != hosts.end()) return static_cast<std::size_t>(found - hosts.begin());
  hosts.push_back(host);
  return hosts.size() - 1;
}

void TimelineOfRecords::begin_run(Instant at) {
  if (run_open_) timeline_.runs.back().words = kSilent;
  lose_all();
  timeline_.runs.push_back({at, at, false, "", 0});
  joined_.clear();
  agent_gpus_.clear();
  alone_.clear();
  hosts_aside_.clear();
  gpus_aside_.clear();
  run_open_ = true;
  taking_over_ = false;
}

void TimelineOfRecords::place(Instant at, const orchestrator::Placed& placed) {
  auto& indices = open_[{placed.job, placed.attempt}];
  for (const orchestrator::Share& share : placed.placement) {
    const auto host = hosts_.find(share.agent);
    const auto id = ids_.find(placed.job);
    if (host == hosts_.end() || id == ids_.end()) continue;  // of a journal that is gone
    const std::size_t node = node_of(host->second);
    const int gpus = gpus_[placed.job] ? share.slots : 0;
    held_gpus_[host->second] += gpus;
    const auto part =
        std::ranges::find_if(indices, [&](std::size_t index) { return timeline_.attempts[index].node == node; });
    if (part != indices.end()) {
      timeline_.attempts[*part].slots += share.slots;
      timeline_.attempts[*part].gpus += gpus;
      continue;
    }
    const auto sharers = sharers_.find(share.agent);
    const bool whole = gpus == 0 || sharers == sharers_.end() || alone_.contains(placed.job);
    indices.push_back(timeline_.attempts.size());
    timeline_.attempts.push_back({.job = id->second,
                                  .attempt = placed.attempt,
                                  .node = node,
                                  .slots = share.slots,
                                  .gpus = gpus,
                                  .share = whole ? 1 : 1.0 / sharers->second,
                                  .begin = at});
  }
}

void TimelineOfRecords::close(const Key& key, Instant at, const AttemptOutcome& outcome, const std::string& words) {
  const auto open = open_.find(key);
  if (open == open_.end()) return;
  for (std::size_t index : open->second) {
    TimelineAttempt& attempt = timeline_.attempts[index];
    held_gpus_[timeline_.hosts[attempt.node]] -= attempt.gpus;
    attempt.end = at;
    attempt.outcome = outcome;
    attempt.words = words;
  }
  open_.erase(open);
}

void TimelineOfRecords::keep(const Key& key, Instant at) {
  if (const auto open = open_.find(key); open != open_.end())
    for (std::size_t index : open->second) timeline_.attempts[index].kept = at;
}

// Open attempts were lost with their coordinator, which was there until its last record.
void TimelineOfRecords::lose_all() {
  while (!open_.empty()) close(open_.begin()->first, last_, Cause::kCoordinatorLost, "its run fell silent");
}

void TimelineOfRecords::set_aside(const orchestrator::Event& event) {
  std::visit(
      core::Overloaded{[&](const orchestrator::AgentJoined& joined) { agent_gpus_[joined.agent] = joined.gpus; },
                       [&](const orchestrator::AgentLost& lost) {
                         agent_gpus_.erase(lost.agent);
                         std::erase_if(gpus_aside_, [&](const auto& gpu) { return gpu.first == lost.agent; });
                       },
                       [&](const orchestrator::HostSetAside& aside) { hosts_aside_.insert(aside.host); },
                       [&](const orchestrator::HostExcluded& excluded) { hosts_aside_.insert(excluded.host); },
                       [&](const orchestrator::HostReturned& returned) { hosts_aside_.erase(returned.host); },
                       [&](const orchestrator::HostDrained& drained) {
                         if (drained.on) return;
                         hosts_aside_.erase(drained.host);
                         std::erase_if(gpus_aside_, [&](const auto& gpu) {
                           const auto host = hosts_.find(gpu.first);
                           return host != hosts_.end() && host->second == drained.host;
                         });
                       },
                       [&](const orchestrator::GpuSetAside& aside) { gpus_aside_.emplace(aside.agent, aside.gpu); },
                       [&](const orchestrator::GpuReturned& returned) {
                         gpus_aside_.erase({returned.agent, returned.gpu});
                       },
                       [&](const orchestrator::RunEnded&) {
                         agent_gpus_.clear();
                         gpus_aside_.clear();
                       },
                       [](const auto&) {}},
      event);
}

// Attempts on a host that is set aside go on.
int TimelineOfRecords::free_gpus_aside() const {
  std::map<std::string, int> on_hosts;
  for (const auto& [agent, gpus] : agent_gpus_)
    if (const std::string& host = hosts_.at(agent); hosts_aside_.contains(host)) on_hosts[host] += gpus;
  int free = 0;
  for (const auto& [host, gpus] : on_hosts) {
    const auto held = held_gpus_.find(host);
    free += std::max(0, gpus - (held == held_gpus_.end() ? 0 : held->second));
  }
  for (const auto& [agent, gpu] : gpus_aside_)
    if (const auto host = hosts_.find(agent); host == hosts_.end() || !hosts_aside_.contains(host->second)) ++free;
  return free;
}

void TimelineOfRecords::take(std::int64_t run_epoch, Instant at, const orchestrator::Event& event) {
  if (run_epoch != run_epoch_) {
    // Records up to the new run's beginning tell of the run before, which was there until its own last record.
    run_epoch_ = run_epoch;
    taking_over_ = run_open_ || !open_.empty();
  }
  const Instant then = taking_over_ ? last_ : at;
  if (run_open_ && !taking_over_ && at > last_)
    timeline_.runs.back().aside_gpu_seconds += timeline_.runs.back().gpus_aside * seconds_between(last_, at);
  std::visit(core::Overloaded{
                 [&](const orchestrator::RunStarted&) { begin_run(at); },
                 [&](const orchestrator::JobAdded& added) {
                   ids_[added.job] = added.id;
                   gpus_[added.job] = added.gpus;
                 },
                 [&](const orchestrator::AgentJoined& joined) {
                   hosts_[joined.agent] = joined.host;
                   node_of(joined.host);
                   if (!run_open_ || taking_over_) return;
                   joined_.insert(joined.host);
                   timeline_.runs.back().nodes = static_cast<int>(joined_.size());
                 },
                 [&](const orchestrator::BurnedIn& done) {
                   if (run_open_ && !taking_over_ && !done.gpu.empty())
                     timeline_.runs.back().burn_in_gpu_seconds += std::chrono::duration<double>(done.took).count();
                 },
                 [&](const orchestrator::Repeated& done) {
                   if (run_open_ && !taking_over_ && !done.gpu.empty())
                     timeline_.runs.back().repeat_gpu_seconds += std::chrono::duration<double>(done.took).count();
                 },
                 [&](const orchestrator::GpusShared& shared) { sharers_[shared.agent] = shared.jobs; },
                 [&](const orchestrator::Placed& placed) { place(at, placed); },
                 [&](const orchestrator::Progressed& progress) {
                   keep({progress.job, progress.attempt}, at);
                 },
                 [&](const orchestrator::AttemptEnded& ended) {
                   if (ended.cause == Cause::kOutOfMemory) alone_.insert(ended.job);
                   close({ended.job, ended.attempt}, then, ended.cause, words_of(ended.evidence, ended.why));
                 },
                 [&](const orchestrator::HeldElsewhere& held) {
                   close({held.job, held.attempt}, then, AttemptHeldElsewhere(), held.why);
                 },
                 [&](const orchestrator::JobSucceeded& succeeded) {
                   keep({succeeded.job, succeeded.attempt}, then);
                   close({succeeded.job, succeeded.attempt}, then, AttemptDone(), "");
                 },
                 [&](const orchestrator::RunEnded& ended) {
                   if (!run_open_) return;
                   timeline_.runs.back().words = words_of(std::string(name_of(ended.end)), ended.why);
                   timeline_.runs.back().end = at;
                   run_open_ = false;
                 },
                 [](const auto&) {}},
             event);
  if (taking_over_) return;
  last_ = at;
  set_aside(event);
  if (!run_open_) return;
  timeline_.runs.back().end = at;
  timeline_.runs.back().gpus_aside = hosts_aside_.empty() && gpus_aside_.empty() ? 0 : free_gpus_aside();
}

Timeline TimelineOfRecords::finish(bool live) const {
  TimelineOfRecords all = *this;
  // A run whose successor has begun to tell of it is over.
  const bool goes_on = live && !taking_over_;
  if (run_open_) {
    all.timeline_.runs.back().going_on = goes_on;
    if (!goes_on) all.timeline_.runs.back().words = kSilent;
  }
  if (!goes_on) all.lose_all();
  for (const auto& [agent, host] : hosts_) all.node_of(host);
  return all.timeline_;
}

Timeline merged(const std::vector<Timeline>& allocations) {
  Timeline all;
  for (const Timeline& one : allocations) {
    std::vector<std::size_t> nodes;
    for (const std::string& host : one.hosts) {
      const auto found = std::ranges::find(all.hosts, host);
      nodes.push_back(static_cast<std::size_t>(found - all.hosts.begin()));
      if (found == all.hosts.end()) all.hosts.push_back(host);
    }
    all.runs.insert(all.runs.end(), one.runs.begin(), one.runs.end());
    for (TimelineAttempt attempt : one.attempts) {
      attempt.node = nodes.at(attempt.node);
      all.attempts.push_back(std::move(attempt));
    }
  }
  std::ranges::stable_sort(all.runs, [](const auto& a, const auto& b) { return a.begin < b.begin; });
  std::ranges::stable_sort(all.attempts, [](const auto& a, const auto& b) {
    return std::tie(a.begin, a.job, a.attempt, a.node) < std::tie(b.begin, b.job, b.attempt, b.node);
  });
  keep_last_held(all.attempts);
  return all;
}

Timeline read_timeline(core::FileSystem& files, const experiments::StoreLayout& store, const std::string& suite) {
  std::vector<Timeline> allocations;
  for (const orchestrator::KnownRun& past :
       orchestrator::read_runs(files, store, orchestrator::run_names(files, store, suite))) {
    const std::filesystem::path folder = store.suite_folder(past.name);
    orchestrator::read_beside_a_run(files, folder, [&] {
      TimelineOfRecords records(past.state);
      const auto epochs = orchestrator::journal_epochs(files, folder);  // none where a snapshot alone was copied
      if (!epochs.empty())
        orchestrator::scan_journals(
            files, folder, epochs.front(),
            [&](const orchestrator::JournalHeader& header, orchestrator::JournalRecord& record) {
              records.take(orchestrator::run_epoch_of(header), record.at, record.event);
            });
      allocations.push_back(records.finish(past.live));
    });
  }
  return merged(allocations);
}

double run_seconds(const Timeline& timeline) {
  double sum = 0;
  for (const TimelineRun& run : timeline.runs) sum += seconds_between(run.begin, run.end);
  return sum;
}

double slot_seconds(const Timeline& timeline) {
  return sum_over_attempts(timeline, [](const auto& attempt) { return attempt.slots; });
}

double gpus_of(const TimelineAttempt& attempt) { return attempt.gpus * attempt.share; }

double gpu_seconds(const Timeline& timeline) { return sum_over_attempts(timeline, gpus_of); }

}  // namespace resolute::operations
