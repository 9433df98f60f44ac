#pragma once
//! \file
//! A suite run without processes: random jobs, agents that come and go, ranks that end in every way, time that is
//! counted. The pure core makes every decision; check_invariants() runs after every event.

#include <set>
#include <vector>

#include "core/random.h"
#include "tests/orchestrator/support/events.h"

namespace resolute::tests {

struct SimulatedRun {
  core::RandomStream random_;
  std::vector<orchestrator::Event> events;
  orchestrator::State state;
  std::vector<int> successes;  //!< JobSucceeded a job
  bool ended = false;

  explicit SimulatedRun(std::uint64_t seed, int jobs = 30, bool stop = false)
      : random_("simulated run", {seed}), successes(static_cast<std::size_t>(jobs)) {
    using namespace orchestrator;
    record(toy_run());
    for (int i = 0; i < jobs; ++i) {
      std::set<int> after;
      if (i > 0)
        for (std::uint64_t n = random_.below(3); n > 0; --n)
          after.insert(static_cast<int>(random_.below(static_cast<std::uint64_t>(i))));
      record(toy_job(i, static_cast<int>(1 + random_.below(4)), std::vector<int>(after.begin(), after.end())));
    }
    for (int i = 0; i < 3; ++i) join();
    for (int step = 0; step < 200'000 && !ended; ++step) {
      if (stop && step == 200) record(StopRequested{"test"});
      advance();
    }
  }

 private:
  using Running = orchestrator::Running;

  void record(orchestrator::Event event) {
    orchestrator::apply(state, event);
    orchestrator::check_invariants(state);
    if (const auto* succeeded = std::get_if<orchestrator::JobSucceeded>(&event))
      ++successes.at(static_cast<std::size_t>(succeeded->job.value));
    events.push_back(std::move(event));
    if (state.end) ended = true;
  }

  void join() {
    record(orchestrator::AgentJoined{
        {state.next_agent}, "host" + std::to_string(random_.below(3)), static_cast<int>(2 + random_.below(3))});
  }

  void end_rank(orchestrator::JobNumber number, bool killed) {
    using namespace orchestrator;
    const auto& running = std::get<Running>(job_of(state, number).state);
    const int attempt = running.attempt;
    std::vector<int> live;
    for (std::size_t rank = 0; rank < running.ended.size(); ++rank)
      if (!running.ended[rank]) live.push_back(static_cast<int>(rank));
    if (!live.empty()) {
      const int rank = live[random_.below(live.size())];
      const auto fate = random_.below(100);
      RankExited exited{number, attempt, rank, 0, 0, ""};
      if (killed || fate < 4)
        exited.signal = 9;
      else if (fate < 8)
        exited.code = 75;
      else if (fate < 11)
        exited.code = 1;
      else if (fate < 12)
        exited.code = 2;
      record(exited);
    }
    const Running* now = current(state, number, attempt);
    if (now == nullptr || now->alive > 0 || now->ending) return;
    if (random_.below(50) == 0)
      record(ResultMissing{number, attempt});
    else
      record(JobSucceeded{number, attempt});
  }

  void advance() {
    using namespace orchestrator;
    Policy policy;
    policy.agents_pending = state.agents.empty() && random_.below(4) != 0;
    for (Event& event : decide(state, policy, now_, static_cast<int>(1 + random_.below(4)))) record(std::move(event));
    if (ended) return;
    now_ += Milliseconds(random_.below(300));
    const auto dice = random_.below(100);
    if (dice < 2 && !state.agents.empty()) {
      auto lost = state.agents.begin();
      std::advance(lost, random_.below(state.agents.size()));
      record(AgentLost{lost->first, "simulated"});
    } else if (dice < 5 && state.agents.size() < 4) {
      join();
    } else if (dice < 8) {
      // Late words of attempts long over.
      record(RankExited{{static_cast<int>(random_.below(state.jobs.size()))}, 0, 0, 1, 0, "late"});
    } else if (!state.running.empty()) {
      auto job = state.running.begin();
      std::advance(job, random_.below(state.running.size()));
      const auto& running = std::get<Running>(job_of(state, *job).state);
      if (dice < 15)
        record(Progressed{*job, running.attempt, job_of(state, *job).checkpoint + 1});
      else
        end_rank(*job, running.stopping);
    }
  }

  orchestrator::Instant now_ = at(1'000'000);
};

}  // namespace resolute::tests
