#pragma once
//! \file
//! What to do next, and why: a pure function of state and time. The coordinator journals the answer, applies it, then
//! acts; replay applies the journaled answer and never asks again.

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "orchestrator/decisions/state.h"
#include "orchestrator/messages/event.h"

namespace resolute::orchestrator {

struct Policy {
  double back_off_scale = 1.0;            //!< of failure.h's waits; tests shorten them
  Milliseconds stop_grace{30'000};        //!< SIGTERM to SIGKILL for ranks that may write a checkpoint
  Milliseconds unkillable_limit{30'000};  //!< from SIGKILL until ranks that have not ended are given up
  Instant attentive_since{};  //!< since when whoever asks has sent and read messages in time: the limit counts from it
  std::optional<Instant> give_up_at{};  //!< of a run that is to stop: whatever has not ended then is given up
  int patience = 32;  //!< later jobs of unknown duration that a gang lets pass while it waits; then they wait too. One
                      //!< that is expected to end before the gang could start passes freely
  //! So long before the allocation's end (RunStarted::ends_at) everything is told to checkpoint. Of a submission it is
  //! the time of SLURM's notice.
  Milliseconds stop_lead{60'000};
  int exclusion_evidence = 2;   //!< jobs that failed on a host and lived elsewhere, to exclude it
  bool agents_pending = false;  //!< agents may still join: an empty machine room is not the end
  bool agents_missing = false;  //!< some that were to join did not: what has no place here may have one in another run
  bool store_fails = false;     //!< nothing is started, and nothing that was not is given up
  std::set<JobNumber> unsettled{};  //!< whose results could not be looked for: no verdict on their attempts yet
  std::optional<Milliseconds> idle_limit{};  //!< without anything at work, after which a run ends; nothing: it waits
  Instant idle_since{};                      //!< nothing of this run has been at work since
};

//! The decisions that follow from `state` at `now`, in the order in which they are to be applied; empty when there is
//! nothing to do before the next event or next_wake(). One call's decisions never contradict each other. Jobs are
//! placed one per call, so whoever applies the decisions asks again until there are none.
std::vector<Event> decide(const State& state, const Policy& policy, Instant now);

//! What is said of an attempt that the store failed before anything of it was started: by cause store-error, its number
//! free again, to be tried anew after the cause's wait, twice that of the run's pause (StoreWatch), so that one bad
//! folder does not hold up the others.
AttemptEnded taken_back(const State& state, const Policy& policy, Instant now, JobNumber job,
                        const std::string& evidence);

//! When decide(), which has just had nothing to say at `now`, may say something without an event: a back-off ends, or
//! the allocation is about to.
std::optional<Instant> next_wake(const State& state, const Policy& policy, Instant now);

//! Why a job that is wanted and neither runs nor has ended does not run now; for people. Empty for any other job, and
//! for one that decide() would place.
std::string why_waiting(const State& state, const Policy& policy, Instant now, JobNumber job);

}  // namespace resolute::orchestrator
