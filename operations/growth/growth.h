#pragma once
//! \file
//! Decides whether a pool should have more allocations. Pure. The pool grows while the ready work would take longer on
//! the allocations at work than one more allocation would have to wait for its begin. Allocations that wait do not
//! count: nobody can tell how long a queue takes (recorded waits differ by a factor of a thousand), and an allocation
//! that comes too late ends at once and costs nothing. The pool shrinks by itself: an allocation on demand without work
//! ends. growth_simulation_test.cpp compares the rule with fixed numbers and with HyperQueue's rule.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "settings/job_kind.h"

namespace resolute::operations {

//! State of one batch. kFree: it can be submitted. kBarred: that would be in vain, or nobody wants it: SLURM has
//! refused or lost it, it has given up, or somebody has cancelled it.
enum class Presence { kFree, kWaits, kRuns, kBarred };

struct PoolBatch {
  int number = 0;
  Presence presence = Presence::kFree;
  bool on_demand = true;
  std::int64_t size = 0;  //!< node-seconds that it asks for
  int ranks = 1;          //!< process ranks that it runs at once
};

//! Allocations for jobs of some kinds, and the jobs that are ready: nobody works at them, and what they need is there.
struct PoolDemand {
  std::vector<settings::JobKind> kinds{};  //!< empty: all
  std::vector<PoolBatch> batches{};        //!< by number
  int most = 1;                            //!< at once
  int ready_jobs = 0;
  std::int64_t ready_ranks = 0;  //!< process ranks of all ready jobs
  //! Expected rank-seconds of the ready jobs; nothing: for some of them nothing is known.
  std::optional<std::chrono::seconds> ready_work{};
  //! How long allocations of this submission have waited for their begin; nothing: none has begun yet.
  std::optional<std::chrono::seconds> queue_wait{};
};

//! From a ready allocation to its first job at work, and what a job needs at least to be worth one.
inline constexpr std::chrono::seconds kStartUp{60};
//! In a queue with longer waits than this, small and short allocations are asked for first.
inline constexpr std::chrono::seconds kBusyQueue{600};

struct Growth {
  std::vector<int> batches{};  //!< numbers of those to be submitted, in this order; empty: none
  std::string why{};           //!< in one sentence; empty: none
};
//! At most PoolDemand::most at once, at most as many that wait as jobs are ready, and none if those at work will have
//! done the work by then. At least one if jobs are ready, nothing runs or waits, and a batch is free.
Growth decide_growth(const PoolDemand& demand);

}  // namespace resolute::operations
