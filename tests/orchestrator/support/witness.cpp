#include "tests/orchestrator/support/witness.h"

#include <algorithm>
#include <utility>

#include "orchestrator/decisions/failure.h"

namespace resolute::tests::witness {

void Witness::check(const State& state, const Event& event) {
  event_ = &event;
  require(!ended_ || std::holds_alternative<RunStarted>(event), "nothing happens after a run's end");
  std::visit([&](const auto& happened) { on(state, happened); }, event);
}

void Witness::require(bool holds, std::string_view promise) const {
  if (!holds) throw core::ContractError(fmt::format("{}: broken by: {}", promise, describe(*event_)));
}

Witness::Job& Witness::job(JobIndex number) {
  require(number.value >= 0 && static_cast<std::size_t>(number.value) < jobs_.size(), "only known jobs are named");
  return jobs_[static_cast<std::size_t>(number.value)];
}

Witness::Job* Witness::running(JobIndex number, int attempt) {
  Job& found = job(number);
  return found.running && found.attempt.number == attempt ? &found : nullptr;
}

int Witness::alive(const Job& job) const {
  int count = 0;
  for (int ranks : job.attempt.alive) count += ranks;
  return count;
}

// Gives slots of a share's agent to the job (sign 1) or takes them back (-1); nothing if the agent is gone.
void Witness::take(const Job& job, const Share& share, int sign) {
  auto found = agents_.find(share.agent);
  if (found == agents_.end()) return;
  Agent& agent = found->second;
  if (!job.gpus || agent.jobs_per_gpu == 1) (job.gpus ? agent.free.gpus : agent.free.slots) -= sign * share.slots;
  if (agent.counts_memory) agent.free.memory_mib -= sign * share.slots * job.memory_mib;
  require(agent.free.slots >= 0 && agent.free.gpus >= 0 && agent.free.memory_mib >= 0, "no slot is given twice");
  require(agent.free.slots <= agent.all.slots && agent.free.gpus <= agent.all.gpus &&
              agent.free.memory_mib <= agent.all.memory_mib,
          "no slot is taken back twice");
}

void Witness::compare(const State& state, AgentNumber number) const {
  const auto mine = agents_.find(number);
  const auto theirs = state.agents.find(number);
  require((mine == agents_.end()) == (theirs == state.agents.end()), "an agent is there or gone");
  if (mine == agents_.end()) return;
  const Free& free = mine->second.free;
  const bool shares = mine->second.jobs_per_gpu > 1;
  if (shares)
    for (const auto& [gpu, jobs] : state.shared.at(number).at_work)
      require(std::ssize(jobs) <= mine->second.jobs_per_gpu, "a GPU has no more jobs than it may have");
  require(theirs->second.free == free.slots && (shares || theirs->second.free_gpus == free.gpus) &&
              (!mine->second.counts_memory || theirs->second.free_memory_mib == free.memory_mib),
          "what is free is what was not given");
}

void Witness::release(const State& state, Job& job) {
  job.running = false;
  for (const Share& share : job.attempt.placement) {
    take(job, share, -1);
    compare(state, share.agent);
  }
  job.attempt = {};
}

void Witness::give_up(JobIndex number) {
  require(!job(number).succeeded, "a job with a result is not given up");
  job(number).given_up = true;
}

void Witness::on(const State&, const RunStarted&) {
  agents_.clear();
  drained_.clear();
  excluded_.clear();
  hosts_aside_.clear();
  for (Job& job : jobs_) {
    job.wanted = job.succeeded = job.given_up = job.running = false;
    job.attempt = {};
    job.ends = {};
    job.ended_on.clear();
    job.fruitless = 0;
  }
  stopped_ = ended_ = false;
}

void Witness::on(const State&, const JobAdded& event) {
  require(event.job.value >= 0 && static_cast<std::size_t>(event.job.value) <= jobs_.size(), "jobs are numbered on");
  if (static_cast<std::size_t>(event.job.value) == jobs_.size()) jobs_.emplace_back();
  Job& added = job(event.job);
  require(!added.wanted, "a job is added once in a run");
  added.after = event.after;
  added.ranks = event.slots;
  added.gpus = event.gpus;
  added.memory_mib = event.memory_mib;
  added.last_attempt = std::max(added.last_attempt, event.attempts);
  added.wanted = true;
}

void Witness::on(const State& state, const JobsKept& event) {
  for (const JobRange& range : event.jobs)
    for (int number = range.least.value; number <= range.most.value; ++number) {
      require(!std::exchange(job({number}).wanted, true), "a job is added once in a run");
      for (JobIndex need : job({number}).after) require(job(need).wanted, "what a job needs is added before it");
    }
  for (const JobRange& range : event.done)
    for (int number = range.least.value; number <= range.most.value; ++number) on(state, JobSucceeded{{number}, 0});
}

void Witness::on(const State& state, const AgentJoined& event) {
  require(event.agent.value >= next_agent_, "an agent's number is used once");
  next_agent_ = event.agent.value + 1;
  const Free all{event.slots, event.gpus, event.memory_mib};
  agents_[event.agent] = {event.host, all, all, event.memory_mib > 0, event.numeric_class, false};
  compare(state, event.agent);
}

void Witness::on(const State& state, const AgentLost& event) {
  agents_.erase(event.agent);
  compare(state, event.agent);
  for (JobIndex number : state.running) {
    Job& hit = job(number);
    require(hit.running, "what runs was placed");
    for (std::size_t i = 0; i < hit.attempt.placement.size(); ++i)
      if (hit.attempt.placement[i].agent == event.agent) hit.attempt.alive[i] = 0;
  }
}

void Witness::on(const State& state, const Placed& event) {
  Job& placed = job(event.job);
  require(placed.wanted && !placed.running && !placed.succeeded && !placed.given_up, "only a ready job is placed");
  require(!stopped_, "nothing is placed in a run that is to stop");
  require(event.attempt > placed.last_attempt, "an attempt's number is used once");
  for (JobIndex need : placed.after) require(job(need).succeeded, "a job is placed when all it needs is there");
  placed.last_attempt = event.attempt;
  placed.running = true;
  placed.attempt = {event.attempt, event.placement, {}, {}, false};
  std::set<AgentNumber> seen;
  std::string numeric_class;
  int ranks = 0;
  for (const Share& share : event.placement) {
    const auto agent = agents_.find(share.agent);
    require(agent != agents_.end() && !agent->second.leaving, "a gang is placed on agents that are there to stay");
    require(share.slots > 0 && seen.insert(share.agent).second, "an agent has one share of a gang");
    require(!drained_.contains(agent->second.host) && !excluded_.contains(agent->second.host) &&
                !hosts_aside_.contains(agent->second.host),
            "nothing is placed on a host that is drained, excluded or set aside");
    const std::string& its_class = agent->second.numeric_class;
    require(its_class.empty() || numeric_class.empty() || its_class == numeric_class, "a gang is of one numeric class");
    if (!its_class.empty()) numeric_class = its_class;
    take(placed, share, 1);
    placed.attempt.alive.push_back(share.slots);
    ranks += share.slots;
  }
  require(ranks == placed.ranks, "a gang is placed whole");
  for (const Share& share : event.placement) {
    compare(state, share.agent);
    const Agent& agent = agents_.at(share.agent);
    if (!placed.gpus || agent.jobs_per_gpu == 1) continue;
    int gpus = 0;
    for (const auto& [gpu, jobs] : state.shared.at(share.agent).at_work)
      if (jobs.contains(event.job)) {
        ++gpus;
        require(!agent.gpus_aside.contains(gpu), "nothing is placed on a GPU that is set aside");
      }
    require(gpus == share.slots, "the ranks of a gang get different GPUs");
  }
}

void Witness::on(const State&, const Progressed& event) {
  Job* found = running(event.job, event.attempt);
  if (found == nullptr || event.checkpoint <= found->checkpoint) return;
  found->checkpoint = event.checkpoint;
  found->attempt.progressed = true;
}

void Witness::on(const State& state, const RankExited& event) {
  Job* found = running(event.job, event.attempt);
  if (found == nullptr || event.process_rank < 0 || event.process_rank >= found->ranks) return;
  int before = 0;
  for (std::size_t i = 0; i < found->attempt.placement.size(); ++i) {
    const Share& share = found->attempt.placement[i];
    if (event.process_rank < before + share.slots) {
      if (agents_.contains(share.agent) && found->attempt.ended.insert(event.process_rank).second)
        --found->attempt.alive[i];
      break;
    }
    before += share.slots;
  }
  const Running* theirs = current(state, event.job, event.attempt);
  require(theirs != nullptr && theirs->alive == alive(*found), "ranks are counted once");
}

void Witness::on(const State& state, const RanksGivenUp& event) {
  Job* found = running(event.job, event.attempt);
  if (found == nullptr) return;
  for (std::size_t i = 0; i < found->attempt.placement.size(); ++i) {
    const auto agent = agents_.find(found->attempt.placement[i].agent);
    require(found->attempt.alive[i] == 0 || agent == agents_.end() || excluded_.contains(agent->second.host),
            "where ranks cannot be ended nothing more is placed");
    found->attempt.alive[i] = 0;
  }
  for (int rank = 0; rank < found->ranks; ++rank) found->attempt.ended.insert(rank);
  const Running* theirs = current(state, event.job, event.attempt);
  require(theirs != nullptr && theirs->alive == 0, "ranks that are given up count as ended");
}

void Witness::on(const State& state, const AttemptEnded& event) {
  Job* found = running(event.job, event.attempt);
  if (found == nullptr) return;
  if (event.cause == Cause::kStoreError && alive(*found) == found->ranks) {
    require(event.retry, "what the store failed before it was started is tried again");
    found->last_attempt = event.attempt - 1;
    release(state, *found);
    return;
  }
  require(alive(*found) == 0, "an attempt ends when all its ranks have");
  const Budget budget = budget_of(event.cause);
  if (budget.renewed) {
    if (!stopped_) found->fruitless = found->attempt.progressed ? 0 : found->fruitless + 1;
    require(!event.retry || stopped_ || found->fruitless < budget.attempts, "budgets are respected");
  } else {
    int& ends = ++found->ends[static_cast<std::size_t>(event.cause)];
    require(!event.retry || stopped_ || ends < budget.attempts, "budgets are respected");
    std::set<std::string> hosts;
    for (const Share& share : found->attempt.placement)
      if (auto agent = agents_.find(share.agent); agent != agents_.end()) hosts.insert(agent->second.host);
    found->ended_on.emplace_back(event.cause, std::move(hosts));
  }
  release(state, *found);
  if (!event.retry) give_up(event.job);
}

void Witness::on(const State& state, const JobSucceeded& event) {
  Job& done = job(event.job);
  require(done.wanted, "only a job of the plan succeeds");
  done.checkpoint = -1;
  require(event.attempt == 0 || !done.ever_succeeded, "what finishes is published once");
  if (done.running) {
    require(alive(done) == 0, "a job succeeds when all its ranks have ended");
    release(state, done);
  }
  done.succeeded = done.ever_succeeded = true;
  done.given_up = false;
}

void Witness::on(const State&, const JobFailed& event) {
  require(!job(event.job).running, "a job that runs is not failed");
  give_up(event.job);
}

void Witness::on(const State&, const JobCancelled& event) {
  require(!job(event.job).running, "a job that runs is not cancelled");
  give_up(event.job);
}

void Witness::on(const State& state, const HeldElsewhere& event) {
  Job* found = running(event.job, event.attempt);
  if (found == nullptr) return;
  found->last_attempt = event.attempt - 1;
  release(state, *found);
}

void Witness::on(const State&, const AgentLeaving& event) {
  if (auto agent = agents_.find(event.agent); agent != agents_.end()) agent->second.leaving = true;
}

void Witness::on(const State&, const HostDrained& event) {
  if (event.on) {
    drained_.insert(event.host);
  } else {
    drained_.erase(event.host);
    excluded_.erase(event.host);
    hosts_aside_.erase(event.host);
    for (auto& [number, agent] : agents_) {
      if (agent.host != event.host) continue;
      const int aside = static_cast<int>(std::exchange(agent.gpus_aside, {}).size());
      agent.all.gpus += aside;
      agent.free.gpus += aside;
    }
  }
}

void Witness::give_back(const std::string& host) {
  for (Job& job : jobs_)
    for (auto& [cause, hosts] : job.ended_on)
      if (hosts.erase(host) > 0) {
        --job.ends[static_cast<std::size_t>(cause)];
        hosts.clear();
      }
}

void Witness::on(const State&, const HostExcluded& event) {
  excluded_.insert(event.host);
  hosts_aside_.erase(event.host);
  give_back(event.host);
}

void Witness::on(const State&, const HostSetAside& event) {
  require(hosts_aside_.insert(event.host).second, "a host is set aside once");
  const auto others = std::count_if(agents_.begin(), agents_.end(),
                                    [&](const auto& agent) { return !hosts_aside_.contains(agent.second.host); });
  require(others > 0, "the last host stays");
  give_back(event.host);
}

void Witness::on(const State&, const HostReturned& event) { hosts_aside_.erase(event.host); }

void Witness::on(const State& state, const GpusShared& event) {
  agents_.at(event.agent).jobs_per_gpu = event.jobs;
  compare(state, event.agent);
}

void Witness::on(const State& state, const GpuSetAside& event) {
  const auto agent = agents_.find(event.agent);
  if (agent == agents_.end()) return;
  require(agent->second.gpus_aside.insert(event.gpu).second, "a GPU is set aside once");
  require(--agent->second.all.gpus > 0 || agents_.size() > 1, "the last GPU stays");
  --agent->second.free.gpus;
  compare(state, event.agent);
}

void Witness::on(const State& state, const GpuReturned& event) {
  const auto agent = agents_.find(event.agent);
  if (agent == agents_.end()) return;
  require(agent->second.gpus_aside.erase(event.gpu) == 1, "what was set aside is given out again");
  ++agent->second.all.gpus;
  ++agent->second.free.gpus;
  compare(state, event.agent);
}

void Witness::on(const State&, const StopRequested&) { stopped_ = true; }

void Witness::on(const State& state, const RunEnded&) {
  require(state.running.empty(), "a run ends when nothing runs");
  ended_ = true;
}

}  // namespace resolute::tests::witness
