#include <algorithm>
#include <utility>

#include "orchestrator/decisions/apply_parts.h"
#include "orchestrator/decisions/failure.h"
#include "orchestrator/decisions/indexes.h"

namespace resolute::orchestrator {
namespace {

bool may_be_the_gpus(Cause cause) {
  const Budget budget = budget_of(cause);
  return (budget.elsewhere && !budget.renewed && !is_of_the_host(cause)) || cause == Cause::kOutOfMemory;
}

// By such causes, in this run.
int ends_of(const Job& job) {
  int ends = 0;
  for (std::size_t cause = 0; cause < kCauses; ++cause)
    if (may_be_the_gpus(static_cast<Cause>(cause))) ends += job.ends.at(cause);
  return ends;
}

void change(State& state, AgentNumber number, const std::string& gpu, int by, Instant aside_until) {
  AgentSlots& agent = state.agents.at(number);
  unindex_host(state, agent.host);
  agent.gpus += by;
  agent.free_gpus += by;
  agent.gpu_records[gpu].aside_until = aside_until;
  index_host(state, agent.host);
}

}  // namespace

void accuse_gpu(State& state, JobIndex number, AgentNumber agent, const std::string& gpu, Cause cause,
                const std::string& evidence) {
  if (!may_be_the_gpus(cause)) return;
  auto& ends = state.agents.at(agent).gpu_records[gpu].ends;
  const auto of_job = [&](const PlaceEnd& end) { return end.job == number; };
  if (ends_of(job_of(state, number)) == std::count_if(ends.begin(), ends.end(), of_job)) {
    ends.push_back({number, cause, evidence});
    return refresh_gpus(state, agent);
  }
  for (auto& [other, slots] : state.agents) {
    for (auto& [name, record] : slots.gpu_records) std::erase_if(record.ends, of_job);
    refresh_gpus(state, other);
  }
}

void acquit_gpu(State& state, AgentNumber agent, const std::string& gpu) {
  auto& records = state.agents.at(agent).gpu_records;
  const auto record = records.find(gpu);
  // No job shows that its bits are right.
  if (record == records.end() || record->second.aside_until == kForGood) return;
  if (record->second.aside_until != Instant{}) change(state, agent, gpu, 1, Instant{});
  records.erase(record);
  refresh_gpus(state, agent);
}

void give_back_of_gpus_aside(State& state) {
  for (const auto& [until, number, gpu] : state.gpus_aside) {
    AgentSlots& agent = state.agents.at(number);
    for (const PlaceEnd& end : std::exchange(agent.gpu_records.at(gpu).ends, {}))
      give_back(state, end.job, agent.host, end.cause);
  }
}

void set_aside(State& state, AgentNumber agent, const std::string& gpu, Instant until, const std::string& why) {
  PlaceRecord& record = state.agents.at(agent).gpu_records[gpu];
  change(state, agent, gpu, record.aside_until == Instant{} ? -1 : 0, until);
  ++record.times_aside;
  record.why = why;
  refresh_gpus(state, agent);
}

void give_out_again(State& state, AgentNumber agent, const std::string& gpu) {
  change(state, agent, gpu, 1, Instant{});
  state.agents.at(agent).gpu_records.at(gpu).ends.clear();
  refresh_gpus(state, agent);
}

}  // namespace resolute::orchestrator
