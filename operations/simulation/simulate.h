#pragma once
//! \file
//! A machine that nobody has to rent: nodes that fail, are taken away and come back, allocations that end, jobs that
//! compute and checkpoint, all by a virtual clock. Every decision is decide()'s, every event goes through apply(), as
//! in a run (docs/inside/simulation.md).

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/files/json.h"
#include "experiments/specification/plan.h"
#include "orchestrator/decisions/decide.h"
#include "orchestrator/messages/event.h"
#include "orchestrator/store/durations.h"

namespace resolute::operations {

struct SimulatedJob {
  std::string kind;
  std::string label;
  std::vector<int> after;  //!< places in SimulatedWorkload::jobs, each smaller than its own
  int ranks = 1;
  bool gpus = true;                       //!< each rank takes a GPU, where the machine has any
  bool checkpoints = true;                //!< else it begins again after every end
  orchestrator::Milliseconds work{};      //!< of computing, all ranks at once; over 0
  orchestrator::Milliseconds estimate{};  //!< what decide() is told in its place; 0: nothing
};

struct SimulatedWorkload {
  std::string name;
  std::vector<SimulatedJob> jobs;
};

//! The workload of our published figures: gang sizes, durations and needs by the distributions that
//! docs/inside/simulation.md states. Equal arguments give equal jobs. \param jobs at least 1
SimulatedWorkload published_workload(int jobs, std::uint64_t seed);

//! A suite's jobs, `copies` times, each with the expected duration that `durations` knows and a real one that differs
//! from it by a lognormal factor (kEstimateNoise). \param copies at least 1
SimulatedWorkload suite_workload(const experiments::Plan& plan, const orchestrator::Durations& durations, int copies,
                                 std::uint64_t seed);

//! Standard deviation of the logarithm of estimate ÷ duration.
inline constexpr double kEstimateNoise = 0.25;

//! Times of 0 in the first three blocks: it never happens.
struct SimulatedMachine {
  int nodes = 1250;
  int gpus = 8;   //!< of a node; 0: every job takes slots
  int slots = 8;  //!< of a node, for jobs without a GPU

  orchestrator::Milliseconds mean_time_to_failure{};  //!< of one node, exponential from when it came up
  orchestrator::Milliseconds repair{30 * 60'000};     //!< from its failure until it is back

  orchestrator::Milliseconds mean_time_to_preemption{};  //!< of one node, exponential
  orchestrator::Milliseconds notice{120'000};            //!< from the word until it is gone
  orchestrator::Milliseconds taken{60 * 60'000};         //!< until it is back

  orchestrator::Milliseconds walltime{};               //!< of one allocation of all nodes
  orchestrator::Milliseconds queue_wait{60 * 60'000};  //!< from an allocation's end to the next one's begin

  orchestrator::Milliseconds checkpoint_every{10 * 60'000};  //!< of computing
  orchestrator::Milliseconds checkpoint_cost{5'000};         //!< computing stands still so long; kept from its end on
  orchestrator::Milliseconds start_cost{30'000};  //!< from a placement to the first step, reading a checkpoint included
  orchestrator::Milliseconds detection{10'000};   //!< a silent agent counts as lost
};

struct SimulationOptions {
  std::uint64_t seed = 1;
  orchestrator::Policy policy;
  //! Every event, once applied, and the state that it led to; may be empty.
  std::function<void(orchestrator::Instant, const orchestrator::State&, const orchestrator::Event&)> on_event;
  int full_check_every = 100'000;  //!< events between two calls of check_invariants()
};

//! Hours of the pool that the workload lives on: GPUs, or slots where the machine has none. All but `total` add up to
//! it.
struct SimulatedHours {
  double total = 0;     //!< of the allocations
  double useful = 0;    //!< computing that jobs with a result are made of
  double lost = 0;      //!< computing that was done again, or for nothing
  double overhead = 0;  //!< starting, writing checkpoints, waiting for the end of a gang
  double idle = 0;      //!< of nodes that were up
  double down = 0;      //!< of nodes that were not
};

//! One span of the curves.
struct UtilisationSpan {
  double up = 0;    //!< mean share of the pool on nodes that were up, 0 to 1
  double busy = 0;  //!< mean share that was given to jobs
};

struct SimulationReport {
  std::string workload;
  int jobs = 0, succeeded = 0, failed = 0, unfinished = 0;
  std::string end;  //!< the last run's own words
  double makespan_hours = 0;
  double work_bound_hours = 0;   //!< work ÷ pool
  double chain_bound_hours = 0;  //!< the longest chain of jobs that need each other
  double makespan_ratio = 0;     //!< makespan ÷ the larger bound; bounds know neither starts nor checkpoints
  SimulatedHours hours;
  double goodput = 0;          //!< useful ÷ total
  double optimum_goodput = 0;  //!< what Young's and Daly's model allows at best (simulation/bounds.h)
  std::int64_t attempts = 0, node_failures = 0, preemptions = 0, hosts_excluded = 0, allocations = 0, events = 0,
               full_checks = 0;
  std::vector<UtilisationSpan> utilisation;
  double span_hours = 0;  //!< of each element of `utilisation`
};

//! Runs the workload to its end. The same arguments give the same report. Journals nothing. \throws RuntimeError
//! (kInput) for numbers that cannot be; ContractError if an event broke a promise (check_invariants())
SimulationReport simulate(const SimulatedWorkload& workload, const SimulatedMachine& machine,
                          const SimulationOptions& options);

//! {"workload", "machine", "jobs", "makespan_hours", "bounds", "hours", "goodput", …}: docs/inside/simulation.md.
core::Json to_json(const SimulationReport& report, const SimulatedMachine& machine);
//! A few lines for people.
std::string describe(const SimulationReport& report, const SimulatedMachine& machine);

}  // namespace resolute::operations
