#pragma once
//! \file
//! How long the jobs of a run take, and the run itself: by what the store knows, and what the run learns. Pure: time is
//! passed in.

#include <map>
#include <utility>
#include <vector>

#include "orchestrator/course/attempts.h"
#include "orchestrator/course/planned_jobs.h"
#include "orchestrator/decisions/state.h"
#include "orchestrator/store/durations.h"
#include "orchestrator/store/live.h"

namespace resolute::orchestrator {

class Forecast {
 public:
  //! \param jobs must outlive this
  Forecast(Durations durations, const PlannedJobs& jobs) : durations_(std::move(durations)), jobs_(jobs) {}
  //! The paths of the plan's jobs, by position. To be called once, before the other members.
  std::vector<ExpectedPath> expect(const experiments::Plan& plan);
  //! The attempt has made the job's result by now.
  void learn(JobIndex number, const Job& job, const AttemptAtWork& attempt, core::MonotonicTime now);
  //! The durations that were learned since this was called last.
  std::vector<MeasuredDuration> take_learned() { return std::exchange(learned_, {}); }
  //! Until an attempt is done: by its own speed where a training has said how far it is, else by what is known of its
  //! like. -1: unknown.
  double seconds_left_of(JobIndex number, const Job& job, const AttemptAtWork& attempt, const LiveAttempt& live) const;
  //! Until the run is done: as long as the work that is left takes on all slots and on all GPUs, or its longest chain.
  //! -1: unknown of some job, or there is no place for it. \param at_work seconds_left_of() each attempt
  double seconds_left(const State& state, const std::map<JobIndex, double>& at_work) const;

 private:
  const Workload& workload_of(JobIndex number) const { return workloads_.at(jobs_.position_of(number)); }
  //! -1: unknown.
  double seconds_of(const Workload& workload) const;

  Durations durations_;
  const PlannedJobs& jobs_;
  std::vector<Workload> workloads_;  //!< by position
  std::vector<MeasuredDuration> learned_;
};

}  // namespace resolute::orchestrator
