#include "orchestrator/decide.h"

#include <algorithm>
#include <span>
#include <tuple>

namespace resolute::orchestrator {
namespace {

Event verdict(const State& state, JobNumber number, const Running& running, const Policy& policy, Instant now) {
  const Job& job = job_of(state, number);
  const Ending& ending = *running.ending;
  AttemptEnded ended{number, running.attempt, ending.cause, ending.evidence, false, Instant{}, {}};
  const int fruitless = running.progressed ? 0 : job.fruitless + 1;
  switch (ending.cause) {
    case Cause::kCrash: {
      const int crashes = job.crashes + 1;
      ended.retry = crashes < policy.crash_budget;
      ended.why = fmt::format("crash {} of {}", crashes, policy.crash_budget);
      if (ended.retry)
        ended.not_before = now + policy.first_back_off * (std::int64_t{1} << (2 * std::min(crashes - 1, 8)));
      break;
    }
    case Cause::kConfiguration:
      ended.why = "the same configuration would fail the same way";
      break;
    case Cause::kInterrupted:
    case Cause::kAgentLost:
      ended.retry = state.stop.has_value() || fruitless < policy.fruitless_budget;
      ended.why = running.progressed
                      ? "it made progress"
                      : fmt::format("{} of {} ends without progress", fruitless, policy.fruitless_budget);
      if (state.stop) ended.why = "the run is to stop";
      break;
    case Cause::kCoordinatorLost:
      ended.retry = true;
      ended.why = "its coordinator ended";
      break;
    case Cause::kUnplaceable:
      ended.why = "it cannot be placed";
      break;
  }
  return ended;
}

void settle(const State& state, const Policy& policy, Instant now, std::vector<Event>& decisions) {
  for (JobNumber number : state.attention) {
    const auto& running = std::get<Running>(job_of(state, number).state);
    if (running.alive == 0) {
      decisions.push_back(verdict(state, number, running, policy, now));
    } else if (!running.stopping) {
      // Ranks that were asked to checkpoint may do so; those that lost a peer can only wait for it in vain.
      Milliseconds grace = running.ending->cause == Cause::kInterrupted ? policy.stop_grace : Milliseconds{0};
      decisions.push_back(
          AttemptStopped{number, running.attempt, running.ending->cause, grace, running.ending->evidence});
    }
  }
  if (state.stop) {
    for (JobNumber number : state.running) {
      const auto& running = std::get<Running>(job_of(state, number).state);
      if (!running.ending && running.alive > 0)
        decisions.push_back(
            AttemptStopped{number, running.attempt, Cause::kInterrupted, policy.stop_grace, *state.stop});
    }
  }
  for (JobNumber number : state.doomed) {
    std::string why = "a job that it needs has failed";
    for (JobNumber need : job_of(state, number).after) {
      const Job& needed = job_of(state, need);
      if (std::holds_alternative<Failed>(needed.state) || std::holds_alternative<Cancelled>(needed.state)) {
        why = fmt::format("it needs job {} ({}), which {}", need.value, needed.label, name_of(needed.state));
        break;
      }
    }
    decisions.push_back(JobCancelled{number, std::move(why)});
  }
}

// Jobs of one gang size in plan order.
struct Queue {
  int slots;
  std::set<JobNumber>::const_iterator next;
  std::set<JobNumber>::const_iterator end;
};

void place(const State& state, const Policy& policy, Instant now, std::size_t limit, std::vector<Event>& decisions) {
  int free = 0;
  for (const auto& [number, agent] : state.agents) free += agent.free;
  if (free == 0) return;
  std::map<int, std::set<JobNumber>> rested;
  for (auto it = state.resting.begin(); it != state.resting.end() && it->first <= now; ++it)
    rested[job_of(state, it->second).slots].insert(it->second);
  std::vector<Queue> queues;
  auto add_queues = [&](const std::map<int, std::set<JobNumber>>& source) {
    for (const auto& [slots, jobs] : source) queues.push_back({slots, jobs.begin(), jobs.end()});
  };
  add_queues(state.ready);
  add_queues(rested);
  auto agents = state.agents;
  const int total = capacity(state);
  int placed_jobs = state.placed_jobs;
  int passes = 0;
  auto barred = [&](JobNumber number) {
    return state.run.max_jobs >= 0 && placed_jobs >= state.run.max_jobs && !job_of(state, number).counted;
  };
  for (std::size_t placed = 0; placed < limit && free > 0; ++placed) {
    Queue* first = nullptr;
    const Queue* blocked = nullptr;
    for (Queue& queue : queues) {
      while (queue.next != queue.end && barred(*queue.next)) ++queue.next;
      if (queue.next == queue.end) continue;
      if (queue.slots <= free) {
        if (first == nullptr || *queue.next < *first->next) first = &queue;
      } else if (queue.slots <= total && (blocked == nullptr || *queue.next < *blocked->next)) {
        blocked = &queue;
      }
    }
    if (first == nullptr) return;
    const JobNumber number = *first->next;
    const Job& job = job_of(state, number);
    Placed decision{number, job.attempts + 1, {}, -1, {}};
    if (blocked != nullptr && *blocked->next < number) {
      if (job_of(state, *blocked->next).passed + passes >= policy.patience) return;
      ++passes;
      decision.past = blocked->next->value;
      decision.why = fmt::format("passes job {}, which waits for {} slots", decision.past, blocked->slots);
    } else {
      decision.why = "first in plan order";
    }
    decision.placement = choose_placement(agents, job.slots);
    for (const Share& share : decision.placement) agents.at(share.agent).free -= share.slots;
    decision.why += fmt::format("; {} of {} free slots", job.slots, free);
    free -= job.slots;
    if (!job.counted) ++placed_jobs;
    ++first->next;
    decisions.push_back(std::move(decision));
  }
}

void conclude_unfinished(const State& state, const Policy& policy, std::vector<Event>& decisions) {
  const bool limited = state.run.max_jobs >= 0 && state.placed_jobs >= state.run.max_jobs;
  const int slots = capacity(state);
  for (const auto& [time, number] : state.resting) {
    const Job& job = job_of(state, number);
    if ((!limited || job.counted) && (job.slots <= slots || policy.agents_pending))
      return;  // started when its time comes
  }
  if (limited) {
    decisions.push_back(RunEnded{RunEnd::kLimited, fmt::format("{} jobs were allowed", state.run.max_jobs)});
    return;
  }
  if (policy.agents_pending) return;
  if (state.largest_capacity > 0)
    for (const auto& [wanted, jobs] : state.ready)
      for (JobNumber number : jobs)
        if (wanted > state.largest_capacity)
          decisions.push_back(
              JobFailed{number, Cause::kUnplaceable,
                        fmt::format("it needs {} slots and the run has {}", wanted, state.largest_capacity)});
  if (!decisions.empty()) return;
  // Agents were lost: what is left to do can be done by a later run.
  decisions.push_back(
      RunEnded{RunEnd::kInterrupted, slots == 0 ? std::string("no agent is left")
                                                : fmt::format("the {} slots that are left hold no ready job", slots)});
}

// Nothing runs and nothing was decided: is that the end?
void conclude(const State& state, const Policy& policy, std::vector<Event>& decisions) {
  const Counts counts = count(state);
  // A signal that came with the last result interrupts nothing.
  if (state.stop && counts.waiting + counts.ready > 0) {
    decisions.push_back(RunEnded{RunEnd::kInterrupted, *state.stop});
  } else if (counts.waiting + counts.ready == 0) {
    bool complete = counts.failed + counts.cancelled == 0;
    decisions.push_back(RunEnded{
        complete ? RunEnd::kComplete : RunEnd::kIncomplete,
        fmt::format("{} succeeded, {} failed, {} cancelled", counts.succeeded, counts.failed, counts.cancelled)});
  } else {
    conclude_unfinished(state, policy, decisions);
  }
}

}  // namespace

std::vector<Event> decide(const State& state, const Policy& policy, Instant now, int limit) {
  std::vector<Event> decisions;
  if (state.end) return decisions;
  settle(state, policy, now, decisions);
  if (!state.stop) place(state, policy, now, static_cast<std::size_t>(std::max(limit, 0)), decisions);
  if (decisions.empty() && state.running.empty()) conclude(state, policy, decisions);
  return decisions;
}

std::optional<Instant> next_wake(const State& state) {
  if (state.end || state.stop || state.resting.empty()) return std::nullopt;
  return state.resting.begin()->first;
}

Placement choose_placement(const std::map<AgentNumber, AgentSlots>& agents, int slots) {
  struct Host {
    int free = 0;
    std::vector<Share> agents;
  };
  std::map<std::string, Host> by_name;
  for (const auto& [number, agent] : agents) {
    if (agent.free == 0) continue;
    Host& host = by_name[agent.host];
    host.free += agent.free;
    host.agents.push_back({number, agent.free});
  }
  std::vector<Host> hosts;
  for (auto& [name, host] : by_name) hosts.push_back(std::move(host));
  std::stable_sort(hosts.begin(), hosts.end(), [](const Host& a, const Host& b) { return a.free > b.free; });
  Placement placement;
  // Takes `wanted` slots from one host: from the agent that they fill best, else from the largest ones.
  auto take = [&](Host& host, int wanted) {
    auto& list = host.agents;
    while (wanted > 0) {
      auto best = list.end();
      for (auto it = list.begin(); it != list.end(); ++it) {
        if (best == list.end()) {
          best = it;
        } else {
          bool fits = it->slots >= wanted;
          bool best_fits = best->slots >= wanted;
          if (fits != best_fits ? fits : fits ? it->slots < best->slots : it->slots > best->slots) best = it;
        }
      }
      Share share{best->agent, std::min(best->slots, wanted)};
      wanted -= share.slots;
      list.erase(best);
      placement.push_back(share);
    }
  };
  Host* tightest = nullptr;
  int total = 0;
  for (Host& host : hosts) {
    total += host.free;
    if (host.free >= slots && (tightest == nullptr || host.free < tightest->free)) tightest = &host;
  }
  if (total < slots) return {};
  if (tightest != nullptr) {
    take(*tightest, slots);
    return placement;
  }
  for (Host& host : hosts) {
    if (slots == 0) break;
    int part = std::min(slots, host.free);
    take(host, part);
    slots -= part;
  }
  return placement;
}

}  // namespace resolute::orchestrator
