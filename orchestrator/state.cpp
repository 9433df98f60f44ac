#include "orchestrator/state.h"

#include <algorithm>

namespace resolute::orchestrator {

std::string_view name_of(const JobState& state) {
  return std::visit(Overload{[](const Waiting&) { return std::string_view("waiting"); },
                             [](const Ready&) { return std::string_view("ready"); },
                             [](const Running&) { return std::string_view("running"); },
                             [](const Succeeded&) { return std::string_view("succeeded"); },
                             [](const Failed&) { return std::string_view("failed"); },
                             [](const Cancelled&) { return std::string_view("cancelled"); }},
                    state);
}

const Job& job_of(const State& state, JobNumber number) {
  RESOLUTE_EXPECT(number.value >= 0 && static_cast<std::size_t>(number.value) < state.jobs.size(), "no such job");
  return state.jobs[static_cast<std::size_t>(number.value)];
}

const Running* current(const State& state, JobNumber number, int attempt) {
  if (number.value < 0 || static_cast<std::size_t>(number.value) >= state.jobs.size()) return nullptr;
  const Job& job = job_of(state, number);
  const auto* running = job.wanted ? std::get_if<Running>(&job.state) : nullptr;
  return running != nullptr && running->attempt == attempt ? running : nullptr;
}

AgentNumber agent_of(const Placement& placement, int process_rank) {
  for (const Share& share : placement) {
    if (process_rank < share.slots) return share.agent;
    process_rank -= share.slots;
  }
  throw core::ContractError("a process rank outside its placement");
}

int capacity(const State& state) {
  int slots = 0;
  for (const auto& [number, agent] : state.agents) slots += agent.slots;
  return slots;
}

Counts count(const State& state) {
  Counts counts;
  for (const Job& job : state.jobs) {
    if (!job.wanted) continue;
    std::visit(Overload{[&](const Waiting&) { ++counts.waiting; }, [&](const Ready&) { ++counts.ready; },
                        [&](const Running&) { ++counts.running; }, [&](const Succeeded&) { ++counts.succeeded; },
                        [&](const Failed&) { ++counts.failed; }, [&](const Cancelled&) { ++counts.cancelled; }},
               job.state);
  }
  return counts;
}

namespace {

void check_running(const State& state, JobNumber number, const Job& job, const Running& running,
                   std::map<AgentNumber, int>& used) {
  int slots = 0;
  int rank = 0;
  for (const Share& share : running.placement) {
    RESOLUTE_EXPECT(share.slots > 0, fmt::format("job {} has an empty share", number.value));
    slots += share.slots;
    used[share.agent] += share.slots;
    bool there = state.agents.contains(share.agent);
    for (int i = 0; i < share.slots; ++i, ++rank)
      RESOLUTE_EXPECT(there || running.ended.at(static_cast<std::size_t>(rank)),
                      fmt::format("job {} has a live rank on an agent that is gone", number.value));
  }
  RESOLUTE_EXPECT(slots == job.slots, fmt::format("job {} has {} of {} slots", number.value, slots, job.slots));
  RESOLUTE_EXPECT(running.ended.size() == static_cast<std::size_t>(job.slots), "one flag a rank");
  auto alive = std::count(running.ended.begin(), running.ended.end(), false);
  RESOLUTE_EXPECT(alive == running.alive, fmt::format("job {} counts its live ranks wrongly", number.value));
  RESOLUTE_EXPECT(running.attempt == job.attempts, fmt::format("job {} runs an old attempt", number.value));
}

bool ended_badly(const Job& job) {
  return std::holds_alternative<Failed>(job.state) || std::holds_alternative<Cancelled>(job.state);
}

}  // namespace

void check_invariants(const State& state) {
  std::map<int, std::set<JobNumber>> ready;
  std::set<std::pair<Instant, JobNumber>> resting;
  std::set<JobNumber> running;
  std::set<JobNumber> attention;
  std::set<JobNumber> doomed;
  std::map<AgentNumber, int> used;
  for (int i = 0; i < static_cast<int>(state.jobs.size()); ++i) {
    JobNumber number{i};
    const Job& job = job_of(state, number);
    if (!job.wanted) continue;
    int unmet = 0;
    bool lost_need = false;
    for (JobNumber need : job.after) {
      const Job& needed = job_of(state, need);
      RESOLUTE_EXPECT(needed.wanted, fmt::format("job {} needs one outside the plan", i));
      if (!std::holds_alternative<Succeeded>(needed.state)) ++unmet;
      if (ended_badly(needed)) lost_need = true;
    }
    if (const auto* waiting = std::get_if<Waiting>(&job.state)) {
      RESOLUTE_EXPECT(waiting->unmet == unmet && unmet > 0,
                      fmt::format("job {} waits for {} of {}", i, waiting->unmet, unmet));
      if (lost_need) doomed.insert(number);
    } else if (const auto* rests = std::get_if<Ready>(&job.state)) {
      RESOLUTE_EXPECT(unmet == 0, fmt::format("job {} is ready with {} needs unmet", i, unmet));
      if (rests->not_before == Instant{})
        ready[job.slots].insert(number);
      else
        resting.emplace(rests->not_before, number);
    } else if (const auto* runs = std::get_if<Running>(&job.state)) {
      RESOLUTE_EXPECT(unmet == 0, fmt::format("job {} runs with {} needs unmet", i, unmet));
      running.insert(number);
      if (runs->ending) attention.insert(number);
      check_running(state, number, job, *runs, used);
    }
  }
  std::erase_if(used, [&](const auto& entry) { return !state.agents.contains(entry.first); });
  for (const auto& [number, agent] : state.agents) {
    int taken = used.contains(number) ? used.at(number) : 0;
    RESOLUTE_EXPECT(
        agent.free == agent.slots - taken && agent.free >= 0,
        fmt::format("agent {} has {} of {} slots free with {} taken", number.value, agent.free, agent.slots, taken));
  }
  RESOLUTE_EXPECT(ready == state.ready && resting == state.resting, "the ready index differs from the jobs");
  RESOLUTE_EXPECT(running == state.running && attention == state.attention, "the running index differs from the jobs");
  RESOLUTE_EXPECT(doomed == state.doomed, "the doomed index differs from the jobs");
}

}  // namespace resolute::orchestrator
