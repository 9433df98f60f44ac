#pragma once
//! \file
//! States from short lists of events.

#include <string>
#include <vector>

#include "orchestrator/decisions/apply.h"
#include "orchestrator/decisions/decide.h"
#include "tests/support/equal.h"

namespace resolute::tests {

inline orchestrator::Instant at(std::int64_t milliseconds) {
  return orchestrator::Instant(orchestrator::Milliseconds(milliseconds));
}

inline orchestrator::JobAdded toy_job(int number, int slots = 1, const std::vector<int>& after = {}) {
  orchestrator::JobAdded added;
  added.job = {number};
  added.id.hex = fmt::format("{:012x}{:052x}", number + 1, 0);
  added.kind = "training";
  added.label = fmt::format("toy {}", number);
  added.slots = slots;
  for (int need : after) added.after.push_back({need});
  return added;
}

inline orchestrator::State state_after(const std::vector<orchestrator::Event>& events) {
  orchestrator::State state;
  for (const auto& event : events) {
    orchestrator::apply(state, event);
    orchestrator::check_invariants(state);
  }
  return state;
}

//! Applies them one after the other.
inline void happen(orchestrator::State& state, const std::vector<orchestrator::Event>& events) {
  for (const orchestrator::Event& event : events) orchestrator::apply(state, event);
}

inline orchestrator::RunStarted toy_run(int max_jobs = -1) {
  return {1, std::string(32, 'a'), "host", 42, max_jobs, {}};
}

inline orchestrator::AgentJoined toy_agent(int number, const std::string& host, int slots, int gpus = 0) {
  return {{number}, host, slots, gpus, 0, {}};
}

inline orchestrator::RankExited rank_exit(int job, int attempt, int process_rank, int code, int signal = 0,
                                          const std::string& evidence = {}) {
  return {{job}, attempt, process_rank, code, signal, evidence, false};
}

inline orchestrator::Placed toy_placed(int job, int attempt, orchestrator::Placement placement,
                                       orchestrator::Instant when = {}) {
  return {{job}, attempt, std::move(placement), -1, "", when};
}

//! Applies what decide() says until it has nothing more to say, with the invariants checked; all that it said.
inline std::vector<orchestrator::Event> settle(orchestrator::State& state, const orchestrator::Policy& policy = {},
                                               const orchestrator::Moment& moment = {}) {
  std::vector<orchestrator::Event> said;
  while (true) {
    const std::vector<orchestrator::Event> decisions = orchestrator::decide(state, policy, moment);
    if (decisions.empty()) return said;
    for (const auto& decision : decisions) {
      orchestrator::apply(state, decision);
      orchestrator::check_invariants(state);
      said.push_back(decision);
    }
  }
}

}  // namespace resolute::tests
