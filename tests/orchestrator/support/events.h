#pragma once
//! \file
//! States from short lists of events.

#include <initializer_list>
#include <string>
#include <vector>

#include "orchestrator/apply.h"
#include "orchestrator/decide.h"

namespace resolute::tests {

inline orchestrator::Instant at(std::int64_t milliseconds) {
  return orchestrator::Instant(orchestrator::Milliseconds(milliseconds));
}

inline orchestrator::JobAdded toy_job(int number, int slots = 1, std::vector<int> after = {}) {
  orchestrator::JobAdded added;
  added.job = {number};
  added.id.hex = fmt::format("{:064x}", number + 1);
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

inline orchestrator::RunStarted toy_run(int max_jobs = -1) { return {1, std::string(32, 'a'), "host", 42, max_jobs}; }

}  // namespace resolute::tests
