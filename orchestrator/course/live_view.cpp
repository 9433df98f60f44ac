#include "orchestrator/course/live_view.h"

#include <fmt/format.h>

#include <map>
#include <tuple>
#include <utility>

namespace resolute::orchestrator {
namespace {

// Why less than all of an agent is given out: LiveAgent's state and why.
std::pair<std::string, std::string> limits_of(const State& state, const AgentSlots& agent) {
  if (agent.leaving) return {"leaving", ""};
  if (const auto host = state.hosts.find(agent.host); host != state.hosts.end()) {
    const HostRecord& record = host->second;
    if (record.drained) return {"drained", *record.drained};
    if (record.excluded) return {"excluded", *record.excluded};
    if (!usable(state, agent)) return {"set aside", record.place.why};
  }
  const auto aside = gpus_aside(agent);
  if (aside.empty()) return {};
  return {fmt::format("without GPU {}", fmt::join(aside, ", ")), agent.gpu_records.at(aside.front()).why};
}

LiveAttempt view_of(const State& state, JobIndex number, const AttemptAtWork& attempt, const Forecast& forecast,
                    core::MonotonicTime now) {
  const Job& job = job_of(state, number);
  LiveAttempt live;
  live.job = job.id;
  live.attempt = attempt.number;
  live.ranks = job.slots;
  live.seconds = std::chrono::duration<double>(now - attempt.launched).count();
  if (const Running* running = current(state, number, attempt.number))
    for (const Share& share : running->placement)
      if (auto agent = state.agents.find(share.agent); agent != state.agents.end())
        if (live.hosts.empty() || live.hosts.back() != agent->second.host) live.hosts.push_back(agent->second.host);
  if (!attempt.line.empty()) read_progress_line(attempt.line, live);
  live.seconds_left = forecast.seconds_left_of(number, job, attempt, live);
  return live;
}

}  // namespace

LiveStatus live_view(const State& state, const Attempts& attempts, const StartingAttempts& starting,
                     const Forecast& forecast, core::MonotonicTime now) {
  LiveStatus status;
  for (const auto& [number, agent] : state.agents) {
    LiveAgent live{agent.host, agent.slots, agent.free, width_of(state, number, true), idle_gpus(state, number), ""};
    if (!agent.numeric_class.empty()) status.classes.insert(agent.numeric_class);
    std::tie(live.state, live.why) = limits_of(state, agent);
    status.agents.push_back(std::move(live));
  }
  std::map<JobIndex, double> at_work;
  for (const auto& [number, attempt] : attempts.all()) {
    if (starting.starts(number)) continue;
    status.running.push_back(view_of(state, number, attempt, forecast, now));
    at_work[number] = status.running.back().seconds_left;
  }
  status.seconds_left = forecast.seconds_left(state, at_work);
  status.retried = attempts.retries(state, now);
  return status;
}

}  // namespace resolute::orchestrator
