#pragma once
//! \file
//! The next decisions, with reasons: a pure function of state and time. The coordinator journals the answer, applies
//! it, then acts; replay applies the journaled answer and never asks again.

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "orchestrator/decisions/state.h"
#include "orchestrator/messages/event.h"

namespace resolute::orchestrator {

//! Constants of a run.
struct Policy {
  double back_off_scale = 1.0;            //!< of failure.h's waits; tests shorten them
  Milliseconds stop_grace{30'000};        //!< SIGTERM to SIGKILL for ranks that may write a checkpoint
  Milliseconds unkillable_limit{30'000};  //!< from SIGKILL until ranks that have not ended are given up
  int patience = 32;  //!< later jobs of unknown duration that may start while a gang waits; then they wait too. A job
                      //!< that is expected to end before the gang can start may always start
  //! Time before the allocation's end (RunStarted::ends_at) at which everything is told to checkpoint. For a submission
  //! it is the time of SLURM's notice.
  Milliseconds stop_lead{60'000};
  int exclusion_evidence = 2;                //!< jobs that failed on a host and lived elsewhere, to exclude it
  std::optional<Milliseconds> idle_limit{};  //!< a run without anything at work for this long ends; nothing: it waits
};

//! The facts that the caller alone knows when it asks.
struct Moment {
  Instant now{};
  bool agents_pending = false;  //!< agents may still join, so a run without agents is not over
  //! Some expected agents did not join, so a job that has no place here may have one in another run
  bool agents_missing = false;
  bool store_fails = false;  //!< the store fails: nothing is started, and no job that has not started is given up
  //! Jobs whose results could not be looked for: nothing is decided about their attempts yet
  std::set<JobIndex> unsettled{};
  std::optional<Instant> give_up_at{};  //!< for a run that is to stop: what has not ended then is given up
  //! The caller has sent and read messages in time since then; Policy::unkillable_limit counts from it
  Instant attentive_since{};
  Instant idle_since{};  //!< nothing of this run has been at work since
};

//! The decisions that follow from `state` at that moment, in the order in which they are to be applied; empty when
//! there is nothing to do before the next event or next_wake(). One call's decisions never contradict each other. Jobs
//! are placed one per call, so whoever applies the decisions asks again until there are none.
std::vector<Event> decide(const State& state, const Policy& policy, const Moment& moment);

//! The event for an attempt that the store failed before anything of it was started. Its cause is store-error and its
//! number is free again. It is tried again after the cause's wait, which is twice that of the run's pause (StoreWatch),
//! so that one bad folder does not delay the other jobs.
AttemptEnded taken_back(const State& state, const Policy& policy, Instant now, JobIndex job,
                        const std::string& evidence);

//! When decide(), which returned nothing at that moment, may return something without a new event: when a back-off
//! ends, or when the allocation is about to end.
std::optional<Instant> next_wake(const State& state, const Policy& policy, const Moment& moment);

//! Why a job that is wanted and neither runs nor has ended does not run now; for people. Empty for any other job, and
//! for one that decide() would place.
std::string why_waiting(const State& state, const Policy& policy, Instant now, JobIndex job);

}  // namespace resolute::orchestrator
