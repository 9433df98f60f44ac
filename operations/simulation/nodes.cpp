// The nodes of the simulated machine: they fail, are taken away, and come back.

#include <algorithm>
#include <cmath>

#include "operations/simulation/simulation.h"

namespace resolute::operations {

void Simulation::join(int index) {
  Node& joining = node(index);
  joining.up = true;
  joining.agent = {state_.next_agent};
  ++joining.serial;
  ++nodes_up_;
  ++agents_up_;
  node_of_agent_.resize(static_cast<std::size_t>(joining.agent.value) + 1, -1);
  node_of_agent_.back() = index;
  record(orchestrator::AgentJoined{joining.agent, fmt::format("node{}", index), machine_.slots, machine_.gpus, 0, {}});
  schedule(index, NodeChange::kFails, machine_.mean_time_to_failure);
  schedule(index, NodeChange::kPreempted, machine_.mean_time_to_preemption);
}

void Simulation::schedule(int index, Happening happening, orchestrator::Milliseconds mean) {
  if (mean.count() == 0) return;
  const double wait = -std::log1p(-node(index).random.uniform()) * static_cast<double>(mean.count());
  push(now_ + orchestrator::Milliseconds(std::llround(wait)), happening, index, node(index).serial);
}

void Simulation::take_down(int index) {
  Node& gone = node(index);
  gone.up = false;
  ++gone.serial;
  --nodes_up_;
  for (orchestrator::JobIndex number : gone.jobs) {
    halt(number);
    life(number).broken = true;
    // Those of its ranks that live elsewhere and were writing a checkpoint end without it: nobody asks them again.
    const auto* running = std::get_if<orchestrator::Running>(&orchestrator::job_of(state_, number).state);
    if (running != nullptr && running->stopping) push_job(now_, JobChange::kKilled, number);
  }
}

void Simulation::lose_agent(int index, const std::string& why) {
  --agents_up_;
  record(orchestrator::AgentLost{node(index).agent, why});
}

void Simulation::happen_to_node(NodeChange change, int index) {
  switch (change) {
    case NodeChange::kFails:
      ++report_.node_failures;
      take_down(index);
      push(now_ + machine_.detection, NodeChange::kSilent, index, node(index).serial);
      push(now_ + std::max(machine_.repair, machine_.detection), NodeChange::kBack, index, node(index).serial);
      break;
    case NodeChange::kSilent:
      lose_agent(index, "no sign of life");
      break;
    case NodeChange::kPreempted:
      ++report_.preemptions;
      record(orchestrator::AgentLeaving{node(index).agent, "its node is wanted for others"});
      push(now_ + machine_.notice, NodeChange::kTaken, index, node(index).serial);
      break;
    case NodeChange::kTaken:
      take_down(index);
      lose_agent(index, "its node was taken");
      push(now_ + machine_.taken, NodeChange::kBack, index, node(index).serial);
      break;
    case NodeChange::kBack:
      join(index);
  }
}

}  // namespace resolute::operations
