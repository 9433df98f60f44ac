#pragma once
//! \file
//! Machines of which some are bad, to see what the decisions make of them.

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/orchestrator/support/events.h"

namespace resolute::tests {

//! The place of a rank; without a GPU it has no name.
struct Place {
  int agent = 0;
  std::string gpu;
  auto operator<=>(const Place&) const = default;
};

//! How an attempt ends, and after how long.
struct End {
  orchestrator::Milliseconds after{4'000};
  int code = 0;
  std::string evidence{};
  bool store_failed = false;
};

//! Agents on a host each, all alike.
struct Machines {
  int agents = 1;
  int gpus = 0;                        //!< of each; 0: jobs take slots
  int slots = 1;                       //!< of each
  std::vector<std::string> classes{};  //!< numeric classes, one after the other over the agents; empty: none is known
  int trials = 0;                      //!< so many jobs are a row; 0: none is
  bool compared = false;               //!< the other rows with row 0
  int jobs_per_gpu = 1;
};

//! A run without processes or clocks. An agent gives the first GPU that is free and not kept from the job, and no job
//! two ranks on one.
class Fleet {
 public:
  using Ends = std::function<End(const Place& place, int job, orchestrator::Instant now)>;

  //! \param slots of job 0; the others have one rank
  Fleet(Machines machines, int jobs, Ends ends, int slots = 1)
      : ends_(std::move(ends)), jobs_per_gpu_(machines.jobs_per_gpu) {
    put(toy_run());
    for (int agent = 0; agent < machines.agents; ++agent) {
      auto joined = toy_agent(agent, fmt::format("node-{}", agent), machines.slots, machines.gpus);
      if (const auto& classes = machines.classes; !classes.empty())
        joined.numeric_class = classes[static_cast<std::size_t>(agent) % classes.size()];
      put(joined);
      for (int gpu = 0; gpu < machines.gpus; ++gpu) at_work_[agent][std::to_string(gpu)];
      if (jobs_per_gpu_ > 1) {
        orchestrator::GpusShared shared{{agent}, jobs_per_gpu_, {}};
        for (const auto& [gpu, at_work] : at_work_[agent]) shared.gpus.push_back(gpu);
        put(shared);
      }
    }
    for (int job = 0; job < jobs; ++job) {
      orchestrator::JobAdded added = toy_job(job, job == 0 ? slots : 1);
      added.gpus = machines.gpus > 0;
      if (machines.trials > 0) added.row = job / machines.trials;
      if (machines.compared && added.row > 0) added.compared_with = 0;
      put(added);
    }
  }

  //! Until the run has ended.
  void run() {
    using namespace orchestrator;
    while (!state.end) {
      const std::vector<Event> decisions = decide(state, policy, {now});
      for (const Event& decision : decisions) {
        put(decision);
        if (const auto* placed = std::get_if<Placed>(&decision)) start(*placed);
        if (const auto* aside = std::get_if<GpuSetAside>(&decision)) asides.emplace_back(*aside, now);
        if (const auto* aside = std::get_if<HostSetAside>(&decision)) hosts_aside.emplace_back(*aside, now);
        if (const auto* excluded = std::get_if<HostExcluded>(&decision)) excluded_hosts.insert(excluded->host);
      }
      if (decisions.empty()) go_on();
    }
  }

  int count(auto holds) const {
    int found = 0;
    for (const auto& job : state.jobs) found += holds(job) ? 1 : 0;
    return found;
  }
  int succeeded() const {
    return count([](const auto& job) { return std::holds_alternative<orchestrator::Succeeded>(job.state); });
  }
  int attempts_on(int agent) const {
    int found = 0;
    for (const auto& [place, all] : attempts) found += place.agent == agent ? all : 0;
    return found;
  }

  orchestrator::State state;
  orchestrator::Policy policy;
  orchestrator::Instant now = at(0);
  std::map<Place, int> attempts;
  std::vector<std::pair<orchestrator::GpuSetAside, orchestrator::Instant>> asides;
  std::vector<std::pair<orchestrator::HostSetAside, orchestrator::Instant>> hosts_aside;
  std::set<std::string> excluded_hosts;
  int most_at_work = 0;  //!< jobs on one GPU at once

 private:
  struct Rank {
    orchestrator::JobIndex job;
    int attempt = 0, number = 0;
    Place place;
    End end;
  };

  void put(const orchestrator::Event& event) {
    orchestrator::apply(state, event);
    if (++events_ % 20 == 0) check_invariants(state);
  }

  // Empty where the job needs none.
  std::string take_gpu(orchestrator::JobIndex number, orchestrator::AgentNumber agent) {
    if (!job_of(state, number).gpus) return {};
    const std::vector<std::string> kept = gpus_kept_from(state, agent, number);
    for (auto& [gpu, at_work] : at_work_.at(agent.value))
      if (std::find(kept.begin(), kept.end(), gpu) == kept.end() && !at_work.contains(number) &&
          static_cast<int>(at_work.size()) < jobs_per_gpu_) {
        at_work.insert(number);
        most_at_work = std::max(most_at_work, static_cast<int>(at_work.size()));
        return gpu;
      }
    throw std::logic_error("a job was placed where no GPU is");
  }

  void start(const orchestrator::Placed& placed) {
    int rank = 0;
    for (const orchestrator::Share& share : placed.placement)
      for (int i = 0; i < share.slots; ++i, ++rank) {
        const Place place{share.agent.value, take_gpu(placed.job, share.agent)};
        ++attempts[place];
        const End end = ends_(place, placed.job.value, now);
        ranks_.emplace(now + end.after, Rank{placed.job, placed.attempt, rank, place, end});
      }
    put(orchestrator::Started{placed.job, placed.attempt});
  }

  void go_on() {
    const auto wake = next_wake(state, policy, {now});
    if (!wake && ranks_.empty()) throw std::logic_error("nothing will ever happen");
    if (ranks_.empty() || (wake && *wake < ranks_.begin()->first)) {
      now = std::max(now, *wake);
      return;
    }
    now = ranks_.begin()->first;
    const Rank rank = ranks_.begin()->second;
    ranks_.erase(ranks_.begin());
    if (!rank.place.gpu.empty()) at_work_.at(rank.place.agent).at(rank.place.gpu).erase(rank.job);
    put(orchestrator::RankExited{rank.job, rank.attempt, rank.number, rank.end.code, 0, rank.end.evidence, false,
                                 rank.place.gpu, rank.end.store_failed});
    const orchestrator::Running* running = current(state, rank.job, rank.attempt);
    if (running != nullptr && running->alive == 0 && !running->ending)
      put(orchestrator::JobSucceeded{rank.job, rank.attempt});
  }

  Ends ends_;
  int jobs_per_gpu_;
  std::map<int, std::map<std::string, std::set<orchestrator::JobIndex>>> at_work_;  // by agent and GPU
  std::multimap<orchestrator::Instant, Rank> ranks_;
  int events_ = 0;
};

}  // namespace resolute::tests
