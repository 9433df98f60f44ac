//! \file
//! What the orchestrator's core takes by itself, without processes or files, for `script/bench orchestrator`. Prints
//! one JSON document.
//!
//! bench_orchestrator_core decide     placing 20,000 of 100,000 ready gangs on 1,250 agents of 8 GPUs
//! bench_orchestrator_core simulate   the published workload (docs/inside/simulation.md), calm and with failing nodes

#include <cmath>
#include <iostream>
#include <queue>
#include <string>
#include <tuple>
#include <vector>

#include "bench/guarded_main.h"
#include "bench/turns.h"
#include "core/error.h"
#include "core/random/random.h"
#include "operations/simulation/simulate.h"
#include "orchestrator/decisions/apply.h"
#include "orchestrator/decisions/decide.h"

namespace resolute::orchestrator {
namespace {

constexpr int kJobs = 100'000;
constexpr int kPlacements = 20'000;
constexpr int kAgents = 1'250;
constexpr int kGpus = 8;
constexpr int kLargestGang = 64;

State full_queue(core::RandomStream& random) {
  State state;
  RunStarted started;
  started.epoch = 1;
  started.run = std::string(32, '0');
  orchestrator::apply(state, started);
  for (int i = 0; i < kJobs; ++i) {
    JobAdded job;
    job.job = {i};
    job.id.hex = fmt::format("{:064x}", i);
    job.kind = "training";
    job.label = fmt::format("gang {}", i);
    job.gpus = true;
    job.slots = static_cast<int>(1 + random.below(kLargestGang));
    job.expected_ms = static_cast<std::int64_t>(3'600'000 * std::exp(2 * random.uniform(-1, 1)));
    job.path_ms = job.expected_ms;
    orchestrator::apply(state, job);
  }
  for (int i = 0; i < kAgents; ++i) {
    AgentJoined agent;
    agent.agent = {i};
    agent.host = fmt::format("node-{:04}", i);
    agent.slots = kGpus;
    agent.gpus = kGpus;
    orchestrator::apply(state, agent);
  }
  return state;
}

// Jobs end in the order of their expected ends, each frees its GPUs, and decide() fills them again.
void measure_decisions() {
  core::RandomStream random("decision bench", {1});
  Instant now(Milliseconds(1'000'000'000'000));
  State state = full_queue(random);
  const Policy policy;
  using End = std::tuple<Instant, JobIndex, int>;
  std::priority_queue<End, std::vector<End>, std::greater<>> ends;
  double seconds = 0;
  double longest = 0;
  int placements = 0;
  while (placements < kPlacements) {
    const double begin = thread_seconds();
    while (true) {
      const std::vector<Event> decisions = decide(state, policy, {now});
      if (decisions.empty()) break;
      for (const Event& decision : decisions) {
        orchestrator::apply(state, decision);
        const auto* placed = std::get_if<Placed>(&decision);
        if (placed == nullptr) throw core::input_error("a decision that is not a placement");
        ends.emplace(now + Milliseconds(job_of(state, placed->job).expected_ms), placed->job, placed->attempt);
        ++placements;
      }
    }
    const double spent = thread_seconds() - begin;
    seconds += spent;
    longest = std::max(longest, spent);
    const auto [at, job, attempt] = ends.top();
    ends.pop();
    now = std::max(now, at);
    for (int rank = 0; rank < job_of(state, job).slots; ++rank) {
      RankExited exited;
      exited.job = job;
      exited.attempt = attempt;
      exited.process_rank = rank;
      orchestrator::apply(state, exited);
    }
    orchestrator::apply(state, JobSucceeded{job, attempt});
  }
  std::cout << fmt::format("{{\"microseconds\": {}, \"longest_microseconds\": {}, \"placements\": {}}}",
                           seconds / placements * 1e6, longest * 1e6, placements)
            << std::endl;
}

void measure_simulation() {
  const operations::SimulatedWorkload workload = operations::published_workload(kJobs, 1);
  auto timed = [&](const operations::SimulatedMachine& machine) {
    const double begin = thread_seconds();
    const operations::SimulationReport report = operations::simulate(workload, machine, {});
    return std::pair(thread_seconds() - begin, report);
  };
  operations::SimulatedMachine machine;
  const auto [calm_seconds, calm] = timed(machine);
  machine.mean_time_to_failure = std::chrono::hours(24);
  const auto [seconds, failing] = timed(machine);
  std::cout << fmt::format(
                   "{{\"calm_seconds\": {}, \"makespan_ratio\": {}, \"seconds\": {}, \"goodput\": {}, "
                   "\"optimum_goodput\": {}, \"succeeded\": {}, \"events\": {}, \"node_failures\": {}}}",
                   calm_seconds, calm.makespan_ratio, seconds, failing.goodput, failing.optimum_goodput,
                   failing.succeeded, failing.events, failing.node_failures)
            << std::endl;
}

void run(const std::string& what) {
  if (what == "decide")
    measure_decisions();
  else if (what == "simulate")
    measure_simulation();
  else
    throw core::input_error("usage: bench_orchestrator_core decide|simulate");
}

}  // namespace
}  // namespace resolute::orchestrator

int main(int argc, char** argv) {
  return resolute::guarded_main("bench_orchestrator_core",
                                [&] { resolute::orchestrator::run(argc == 2 ? argv[1] : ""); });
}
