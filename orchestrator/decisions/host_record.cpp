#include <algorithm>
#include <utility>

#include "orchestrator/decisions/apply_parts.h"
#include "orchestrator/decisions/failure.h"

namespace resolute::orchestrator {
namespace {

// GPUs have records of their own.
bool tells_of_host(const Job& job, Cause cause) {
  return !budget_of(cause).renewed && (!job.gpus || is_of_the_host(cause));
}

// Memory is short by all that ran there, and another host may just have more of it. Who waits for a peer may be on the
// sound one of two hosts.
bool accuses_no_host(Cause cause) { return cause == Cause::kOutOfMemory || cause == Cause::kPeerLost; }

void forget(HostRecord& record, JobIndex number) {
  record.suspects.erase(number);
  record.evidence.erase(number);
  std::erase_if(record.place.ends, [&](const PlaceEnd& end) { return end.job == number; });
}

// Nothing that happened there speaks against it any more. If it is set aside, that time is over.
void clear(State& state, const std::string& host, HostRecord& record) {
  const bool aside = record.place.is_aside();
  record.suspects.clear();
  record.evidence.clear();
  record.place = {{}, 0, aside ? Instant(Milliseconds{1}) : Instant{}, std::move(record.place.why)};
  refresh_host_record(state, host);
}

bool is_on(const State& state, const Placement& placement, const std::string& host) {
  return std::ranges::any_of(placement, [&](const Share& share) {
    const auto agent = state.agents.find(share.agent);
    return agent == state.agents.end() || agent->second.host == host;
  });
}

}  // namespace

void accuse(State& state, JobIndex number, const AttemptEnding& ending, bool lived) {
  Job& job = job_of(state, number);
  job.failed_on[ending.host].push_back(ending.cause);
  const bool here_alone = job.failed_on.size() == 1;
  if (here_alone && accuses_no_host(ending.cause)) return;
  if (here_alone) {
    HostRecord& record = state.hosts[ending.host];
    record.suspects.insert(number);
    if (!lived && tells_of_host(job, ending.cause))
      record.place.ends.push_back({number, ending.cause, ending.evidence});
    return refresh_host_record(state, ending.host);
  }
  for (const auto& [other, causes] : job.failed_on) {
    const auto record = state.hosts.find(other);
    if (record == state.hosts.end()) continue;
    forget(record->second, number);
    refresh_host_record(state, other);
  }
}

void acquit(State& state, JobIndex number, const Placement& placement) {
  if (state.hosts.empty()) return;
  const std::string only_host = host_of(state, placement);
  if (const auto record = state.hosts.find(only_host); record != state.hosts.end())
    clear(state, only_host, record->second);
  for (const auto& [until, host] : state.hosts_aside)
    if (!is_on(state, placement, host))
      for (const PlaceEnd& end : std::exchange(state.hosts.at(host).place.ends, {}))
        give_back(state, end.job, host, end.cause);
  const Job& job = job_of(state, number);
  if (job.failed_on.size() != 1) return;
  const std::string& host = job.failed_on.begin()->first;
  const auto record = state.hosts.find(host);
  if (record == state.hosts.end() || !record->second.suspects.contains(number) || is_on(state, placement, host)) return;
  record->second.evidence.insert(number);
  refresh_host_record(state, host);
}

void exclude(State& state, const std::string& host, const std::string& why) {
  unindex_host(state, host);
  HostRecord& record = state.hosts[host];
  record.excluded = why;
  record.place = {};
  for (JobIndex number : record.suspects)
    for (const std::vector<Cause> causes = job_of(state, number).failed_on[host]; Cause cause : causes)
      give_back(state, number, host, cause);
  refresh_host_record(state, host);
  index_host(state, host);
}

void give_back(State& state, JobIndex number, const std::string& host, Cause cause) {
  Job& job = job_of(state, number);
  if (has_ended(job)) return;
  if (budget_of(cause).elsewhere) {
    auto& causes = job.failed_on[host];
    const auto same = std::ranges::find(causes, cause);
    if (same == causes.end()) return;  // it has been given back
    causes.erase(same);
  }
  // Several ranks of a gang may have told of one attempt.
  int& ends = job.ends.at(static_cast<std::size_t>(cause));
  ends = std::max(0, ends - 1);
}

void set_host_aside(State& state, const std::string& host, Instant until, const std::string& why) {
  unindex_host(state, host);
  PlaceRecord& place = state.hosts[host].place;
  place.aside_until = until;
  place.why = why;
  if (until != Instant{})
    ++place.times_aside;
  else
    place.ends.clear();
  refresh_host_record(state, host);
  index_host(state, host);
}

}  // namespace resolute::orchestrator
