#include "orchestrator/decisions/host_record.h"

#include <algorithm>

#include "orchestrator/decisions/indexes.h"

namespace resolute::orchestrator {
void accuse(State& state, JobIndex number, const std::string& host, Cause cause) {
  Job& job = job_of(state, number);
  job.failed_on[host].push_back(cause);
  const bool here_alone = job.failed_on.size() == 1;
  if (here_alone) state.hosts[host].suspects.insert(number);
  for (const auto& [other, causes] : job.failed_on) {
    const auto record = state.hosts.find(other);
    if (here_alone || record == state.hosts.end()) continue;
    record->second.suspects.erase(number);
    record->second.evidence.erase(number);
    refresh_host_record(state, other);
  }
}

void acquit(State& state, JobIndex number, const Placement& placement) {
  if (state.hosts.empty()) return;
  const std::string here = host_of(state, placement);
  if (const auto record = state.hosts.find(here); record != state.hosts.end()) {
    record->second.suspects.clear();
    record->second.evidence.clear();
    refresh_host_record(state, here);
  }
  const Job& job = job_of(state, number);
  if (job.failed_on.size() != 1) return;
  const std::string& host = job.failed_on.begin()->first;
  const auto record = state.hosts.find(host);
  if (record == state.hosts.end() || !record->second.suspects.contains(number)) return;
  const bool elsewhere = std::all_of(placement.begin(), placement.end(), [&](const Share& share) {
    const auto agent = state.agents.find(share.agent);
    return agent != state.agents.end() && agent->second.host != host;
  });
  if (!elsewhere) return;
  record->second.evidence.insert(number);
  refresh_host_record(state, host);
}

void exclude(State& state, const std::string& host, const std::string& why) {
  unindex_host(state, host);
  HostRecord& record = state.hosts[host];
  record.excluded = why;
  for (JobIndex number : record.suspects) {
    Job& job = job_of(state, number);
    auto& causes = job.failed_on[host];
    for (Cause cause : causes) --job.ends.at(static_cast<std::size_t>(cause));
    causes.clear();
  }
  refresh_host_record(state, host);
  index_host(state, host);
}

}  // namespace resolute::orchestrator
