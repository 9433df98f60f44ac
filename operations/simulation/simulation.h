#pragma once
//! \file
//! The simulated machine and its jobs: what happens next, and what decide()'s decisions do to it. simulate() is the way
//! in (operations/simulation/simulate.h).

#include <queue>
#include <vector>

#include "core/random/random.h"
#include "operations/simulation/simulate.h"
#include "operations/simulation/step_curve.h"

namespace resolute::operations {

inline double hours(orchestrator::Milliseconds time) { return static_cast<double>(time.count()) / 3'600'000; }

class Simulation {
 public:
  Simulation(const SimulatedWorkload& workload, const SimulatedMachine& machine, const SimulationOptions& options);
  SimulationReport run();

 private:
  enum class JobChange {
    kStarted,     // its ranks have read their checkpoint and compute
    kCheckpoint,  // one is on disk
    kDone,        // all is computed
    kStopped,     // told to stop, it has written a checkpoint
    kKilled,      // told to end at once, or out of grace
  };
  enum class NodeChange {
    kFails,
    kSilent,     // the failure is noticed
    kPreempted,  // it will be taken
    kTaken,      // it is
    kBack,       // repaired, or given back
  };
  struct AllocationEnds {};  // all nodes are taken at once
  using Happening = std::variant<JobChange, NodeChange, AllocationEnds>;
  struct Pending {
    orchestrator::Milliseconds at{};  // since the simulation's begin
    std::uint64_t order = 0;
    Happening happening{};
    int index = 0;   // of the job or node
    int serial = 0;  // that its job or node had: another one by then has overtaken it
    bool operator>(const Pending& other) const { return std::tie(at, order) > std::tie(other.at, other.order); }
  };
  // A job as the machine sees it: what it has computed, and what of that is kept.
  struct Life {
    orchestrator::Milliseconds saved{};            // computing that its last checkpoint holds
    orchestrator::Milliseconds saved_before{};     // the same when the attempt was placed
    orchestrator::Milliseconds computing_since{};  // begin of the stretch that no checkpoint holds
    orchestrator::Milliseconds stretch{};          // its full length
    orchestrator::Milliseconds unsaved{};          // computing of this attempt that is lost
    orchestrator::Placement placement;             // of the running attempt
    int serial = 0;
    bool computing = false;
    bool broken = false;  // a rank is gone and the others wait for it
    bool done = false;
  };
  struct Node {
    orchestrator::AgentNumber agent;
    core::RandomStream random;
    std::vector<orchestrator::JobIndex> jobs;  // with a rank here
    int serial = 0;
    bool up = false;
  };

  orchestrator::Instant instant(orchestrator::Milliseconds at) const;
  void push(orchestrator::Milliseconds at, Happening happening, int index, int serial);
  void push_job(orchestrator::Milliseconds at, Happening happening, orchestrator::JobIndex job) {
    push(at, happening, job.value, life(job).serial);
  }
  void record(const orchestrator::Event& event);
  bool decide_all();
  std::optional<orchestrator::Milliseconds> next_time() const;

  bool begin_allocation();
  void add_jobs();
  void end_allocation();
  SimulationReport report();

  void act(const orchestrator::Event& decision);
  void place(const orchestrator::Placed& placed);
  void stop(const orchestrator::AttemptStopped& stopped);
  void happen(const Pending& pending);
  void happen_to_job(JobChange change, orchestrator::JobIndex number);
  void happen_to_node(NodeChange change, int index);
  void compute(orchestrator::JobIndex job);
  void halt(orchestrator::JobIndex job);
  void end_ranks(orchestrator::JobIndex job, int code, int signal);
  void release(orchestrator::JobIndex job);
  void join(int node);
  void take_down(int node);
  void lose_agent(int node, const std::string& why);
  void schedule(int node, Happening happening, orchestrator::Milliseconds mean);

  Life& life(orchestrator::JobIndex job) { return lives_[static_cast<std::size_t>(job.value)]; }
  const SimulatedJob& job(orchestrator::JobIndex number) const {
    return workload_.jobs[static_cast<std::size_t>(number.value)];
  }
  Node& node(int index) { return nodes_[static_cast<std::size_t>(index)]; }
  Node& node_of(orchestrator::AgentNumber agent) { return node(node_of_agent_[static_cast<std::size_t>(agent.value)]); }
  orchestrator::Milliseconds computed(const Life& life) const;
  void draw_curves();

  const SimulatedWorkload& workload_;
  const SimulatedMachine& machine_;
  const SimulationOptions& options_;
  orchestrator::State state_;
  orchestrator::Milliseconds now_{};
  orchestrator::Milliseconds allocation_begin_{}, allocated_{};
  std::vector<Life> lives_;
  std::vector<Node> nodes_;
  std::vector<int> node_of_agent_;
  std::vector<orchestrator::JobAdded> added_;
  std::priority_queue<Pending, std::vector<Pending>, std::greater<>> pending_;
  std::uint64_t pushed_ = 0;
  int nodes_up_ = 0, agents_up_ = 0;
  double busy_ = 0;  // ranks in the pool that jobs have
  StepCurve up_curve_, busy_curve_;
  std::int64_t kept_ = 0;  // checkpoints and results: an allocation without any gets nowhere
  SimulationReport report_;
};

}  // namespace resolute::operations
