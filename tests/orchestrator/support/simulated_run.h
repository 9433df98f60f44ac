#pragma once
//! \file
//! A suite run without processes: random jobs, agents that come and go, ranks that end in every way, users that cancel
//! and drain, coordinators that die, time that is counted. The pure core makes every decision; after every event
//! check_invariants() looks at the state and a Witness at what happened.

#include <set>
#include <vector>

#include "core/random/random.h"
#include "tests/orchestrator/support/events.h"
#include "tests/orchestrator/support/witness.h"

namespace resolute::tests {

//! What happens next, in numbers: `what` chooses the kind (of 100), `which` the job or agent, `how` the details.
struct Happening {
  int what = 0;
  int which = 0;
  int how = 0;
};

class SimulatedRun {
 public:
  std::vector<orchestrator::Event> events;
  orchestrator::State state;
  std::vector<int> successes;  //!< JobSucceeded a job, since the run began
  bool ended = false;

  //! Jobs that need up to two of those before them, with all that a job may ask for if `varied`; nothing has happened.
  SimulatedRun(std::uint64_t seed, int jobs, bool varied, orchestrator::Instant ends_at) : ends_at_(ends_at) {
    core::RandomStream random("simulated run", {seed});
    for (int i = 0; i < jobs; ++i) {
      std::set<int> after;
      if (i > 0)
        for (std::uint64_t n = random.below(3); n > 0; --n)
          after.insert(static_cast<int>(random.below(static_cast<std::uint64_t>(i))));
      auto job = toy_job(i, static_cast<int>(1 + random.below(4)), std::vector<int>(after.begin(), after.end()));
      if (varied) {
        job.gpus = random.below(3) == 0;
        job.memory_mib = random.below(3) == 0 ? static_cast<std::int64_t>(random.below(1'000)) : 0;
        job.priority = static_cast<int>(random.below(2));
        job.steps = 100;
        job.expected_ms = random.below(3) == 0 ? 0 : static_cast<std::int64_t>(random.below(20'000));
        job.path_ms = job.expected_ms + static_cast<std::int64_t>(random.below(3)) * 1'000;
        job.checkpoint_ms = job.expected_ms / 4;
      }
      plan_.push_back(job);
    }
    start_run();
  }

  //! A run of random happenings until its end.
  explicit SimulatedRun(std::uint64_t seed, int jobs = 30, bool stop = false)
      : SimulatedRun(seed, jobs, seed % 2 == 1, orchestrator::Instant{}) {
    core::RandomStream random("simulated happenings", {seed});
    auto draw = [&](std::uint64_t bound) { return static_cast<int>(random.below(bound)); };
    for (int step = 0; step < 200'000 && !ended; ++step) {
      if (stop && step == 200) record(orchestrator::StopRequested{"test", orchestrator::Cause::kInterrupted});
      happen({draw(100), draw(1'000), draw(1'000)});
    }
  }

  //! One thing happens, then up to three calls of decide() are answered.
  void happen(const Happening& happening) {
    using namespace orchestrator;
    if (ended) return;
    now_ += Milliseconds(happening.how % 300);
    const auto job = nth(state.running, happening.which);
    const auto agent = nth_agent(happening.which);
    const int what = happening.what;
    if (what < 45 && job)
      end_rank(*job, happening.which, happening.how, false);
    else if (what < 55 && job)
      end_rank(*job, happening.which, happening.how, true);
    else if (what < 65 && job)
      record(Progressed{*job, attempt(*job), job_of(state, *job).checkpoint + 1 + happening.how % 7});
    else if (what < 67 && agent)
      record(AgentLost{*agent, "simulated"});
    else if (what < 72 && state.agents.size() < 5)
      join(happening.how);
    else if (what == 72 && agent)
      record(AgentLeaving{*agent, "simulated"});
    else if (what == 73)
      record(HostDrained{host(happening.which), happening.how % 2 == 0, "simulated"});
    else if (what == 74)
      record(HostDrained{host(happening.which), false, "simulated"});
    else if (what == 75 && happening.how % 4 == 0)
      record(CancelRequested{any_job(happening.which), "simulated"});
    else if (what == 76 && job)
      record(Stalled{*job, attempt(*job), "simulated"});
    else if (what == 78 && job && untouched(*job))
      record(taken_back(state, {}, now_, *job, "simulated"));
    else if (what < 79 && job && untouched(*job))
      record(HeldElsewhere{*job, attempt(*job), now_ + Milliseconds(happening.how), "simulated"});
    else if (what == 79)  // late words of attempts long over
      record(rank_exit(any_job(happening.which).value, 0, 0, 1, 0, "late"));
    else if (what == 80 && happening.how % 8 == 0)
      start_run();
    else if (what == 81)
      now_ += Milliseconds(happening.how * 100);
    decide_some(1 + happening.how % 3, happening.how % 64 != 0);
  }

  //! Lets a good agent join and everything that runs end well, until the run has ended.
  void finish() {
    using namespace orchestrator;
    for (int i = 0; i < 3; ++i) record(HostDrained{host(i), false, "simulated"});
    if (!ended) record(AgentJoined{{state.next_agent}, "spare", 8, 8, 0, {}});
    for (int step = 0; step < 100'000 && !ended; ++step) {
      now_ += Milliseconds(1'000);
      decide_some(1'000, false);
      if (const auto job = nth(state.running, 0)) end_rank(*job, 0, 1, false);
    }
  }

 private:
  using Running = orchestrator::Running;

  void record(orchestrator::Event event) {
    if (ended) return;
    orchestrator::apply(state, event);
    orchestrator::check_invariants(state);
    witness_.check(state, event);
    if (const auto* succeeded = std::get_if<orchestrator::JobSucceeded>(&event))
      ++successes.at(static_cast<std::size_t>(succeeded->job.value));
    events.push_back(std::move(event));
    if (state.end) ended = true;
  }

  // What was done stays done: its results are in the store.
  void start_run() {
    using namespace orchestrator;
    std::vector<JobIndex> done;
    for (std::size_t i = 0; i < state.jobs.size(); ++i)
      if (std::holds_alternative<Succeeded>(state.jobs[i].state)) done.push_back({static_cast<int>(i)});
    successes.assign(plan_.size(), 0);
    RunStarted run = toy_run();
    run.epoch = ++epoch_;
    run.ends_at = ends_at_;
    record(run);
    // A later run says in one word what it wants as before: all jobs, or those up to one that it tells of again.
    JobsKept kept;
    const auto keep = epoch_ == 1 ? plan_.begin() : plan_.begin() + (plan_.end() - plan_.begin()) / (1 + epoch_ % 2);
    for (auto job = plan_.begin(); job != keep; ++job) append(kept.jobs, job->job);
    for (JobIndex job : done) {
      if (!contains(kept.jobs, job)) continue;
      append(kept.done, job);
      ++successes.at(static_cast<std::size_t>(job.value));
    }
    if (epoch_ > 1) record(kept);
    for (auto job = keep; job != plan_.end(); ++job) record(*job);
    for (JobIndex job : done)
      if (!contains(kept.done, job)) record(JobSucceeded{job, 0});
    for (int i = 0; i < 3; ++i) join(static_cast<int>(epoch_) * 100 + i * 37);
  }

  static std::string host(int which) { return "host" + std::to_string(which % 3); }

  void join(int how) {
    const std::vector<std::string> classes{"", "", "A", "B"};
    const bool varied = plan_.front().steps > 0;
    orchestrator::AgentJoined agent = toy_agent(state.next_agent, host(how), 2 + how / 3 % 3);
    if (varied) {
      agent.gpus = how / 9 % 4;
      agent.memory_mib = std::int64_t{1'000} * (how / 36 % 3);
      agent.numeric_class = classes.at(static_cast<std::size_t>(how / 108 % 4));
    }
    record(agent);
    if (how / 432 % 2 == 1 && agent.gpus > 0) {
      orchestrator::GpusShared shared{agent.agent, 2 + how / 864 % 2, {}};
      for (int gpu = 0; gpu < agent.gpus; ++gpu) shared.gpus.push_back(std::to_string(gpu));
      record(shared);
    }
  }

  static std::optional<orchestrator::JobIndex> nth(const std::set<orchestrator::JobIndex>& jobs, int which) {
    if (jobs.empty()) return std::nullopt;
    return *std::next(jobs.begin(), which % static_cast<int>(jobs.size()));
  }
  std::optional<orchestrator::AgentNumber> nth_agent(int which) const {
    if (state.agents.empty()) return std::nullopt;
    return std::next(state.agents.begin(), which % static_cast<int>(state.agents.size()))->first;
  }
  orchestrator::JobIndex any_job(int which) const { return {which % static_cast<int>(plan_.size())}; }
  const Running& running(orchestrator::JobIndex job) const {
    return std::get<Running>(orchestrator::job_of(state, job).state);
  }
  int attempt(orchestrator::JobIndex job) const { return running(job).attempt; }
  bool untouched(orchestrator::JobIndex job) const {
    const Running& placed = running(job);
    return placed.alive == orchestrator::job_of(state, job).slots && !placed.started && !placed.progressed &&
           !placed.ending;
  }

  // Any of a job's on the rank's agent, where GPUs are shared and so have names.
  std::string gpu_of(orchestrator::JobIndex number, int rank) const {
    const auto shared = state.shared.find(agent_of(running(number).placement, rank));
    if (shared == state.shared.end()) return {};
    for (const auto& [gpu, jobs] : shared->second.at_work)
      if (jobs.contains(number)) return gpu;
    return {};
  }

  void end_rank(orchestrator::JobIndex number, int which, int how, bool badly) {
    using namespace orchestrator;
    const Running& placed = running(number);
    const int of = placed.attempt;
    std::vector<int> live;
    for (std::size_t rank = 0; rank < placed.ended.size(); ++rank)
      if (!placed.ended[rank]) live.push_back(static_cast<int>(rank));
    if (!live.empty()) {
      RankExited exited = rank_exit(number.value, of, live[static_cast<std::size_t>(which) % live.size()], 0);
      const std::vector<std::string> words{"", "No space left on device", "CUDA error: unspecified launch failure",
                                           "Connection reset by peer", "some text"};
      if (placed.stopping) {
        exited.signal = 9;
      } else if (badly) {
        exited.code = how % 40 == 0 ? 2 : how % 3 == 0 ? 75 : 1;
        exited.evidence = words.at(static_cast<std::size_t>(how / 3) % words.size());
        exited.out_of_memory = how % 17 == 0;
      }
      exited.gpu = gpu_of(number, exited.process_rank);
      record(exited);
    }
    const Running* now = current(state, number, of);
    if (now == nullptr || now->alive > 0 || now->ending) return;
    if (how % 50 == 0)
      record(ResultMissing{number, of});
    else
      record(JobSucceeded{number, of});
  }

  void decide_some(int calls, bool more_agents) {
    using namespace orchestrator;
    const Moment moment{.now = now_, .agents_pending = more_agents && state.machine_of.empty()};
    for (int i = 0; i < calls && !ended; ++i)
      for (Event& event : decide(state, {}, moment)) record(std::move(event));
  }

  std::vector<orchestrator::JobAdded> plan_;
  orchestrator::Instant ends_at_;
  orchestrator::Instant now_ = at(1'000'000);
  Witness witness_;
  std::int64_t epoch_ = 0;
};

}  // namespace resolute::tests
