#pragma once
//! \file
//! The states of a SLURM job, as squeue and scontrol write them (squeue(1), JOB STATE CODES; EXPEDITING from
//! 25.11). Pure.

#include <string>
#include <string_view>

#include "settings/choice.h"

namespace resolute::slurm {

//! Those of one meaning stand together (phase_of()).
enum class JobState {
  kPending,
  kConfiguring,
  kRunning,
  kSuspended,
  kStopped,
  kSignaling,
  kResizing,
  kRevoked,  // in a federation: another cluster may run it, and it stays so when that has ended
  kStageOut,
  kCompleting,
  kExpediting,
  kRequeued,
  kRequeueFed,
  kRequeueHold,
  kSpecialExit,
  kReservationHold,
  kCompleted,
  kFailed,
  kCancelled,
  kTimeout,
  kNodeFail,
  kPreempted,
  kBootFail,
  kDeadline,
  kOutOfMemory,
};

//! The long names.
constexpr auto words_of(JobState) {
  return settings::words("PENDING", "CONFIGURING", "RUNNING", "SUSPENDED", "STOPPED", "SIGNALING", "RESIZING",
                         "REVOKED", "STAGE_OUT", "COMPLETING", "EXPEDITING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD",
                         "SPECIAL_EXIT", "RESV_DEL_HOLD", "COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL",
                         "PREEMPTED", "BOOT_FAIL", "DEADLINE", "OUT_OF_MEMORY");
}
constexpr std::string_view name_of(JobState state) { return settings::word(state); }

//! The meaning of a state for somebody who waits for the job. kEnding: the outcome is not known yet, ask again. A held
//! job is mostly PENDING, and its reason says what holds it.
enum class Phase { kWaits, kHeld, kRuns, kEnding, kEnded };
Phase phase_of(JobState state);
//! The job has its nodes.
constexpr bool is_at_work(Phase phase) { return phase == Phase::kRuns || phase == Phase::kEnding; }
//! The same, kHeld too where the reason says that somebody must release the job (`scontrol release`): squeue writes it
//! with spaces, scontrol with underscores.
Phase phase_of(JobState state, std::string_view reason);

//! A reason in the one spelling that its words are known by: squeue writes "(launch failed requeued held)", scontrol
//! "launch_failed_requeued_held"; both become lower case with blanks.
std::string plain_reason(std::string_view reason);

}  // namespace resolute::slurm
