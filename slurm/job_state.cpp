#include "slurm/job_state.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "core/error.h"

namespace resolute::slurm {
namespace {

struct StateRow {
  JobState state;
  std::string_view name;
  Phase phase;
};

constexpr std::array kStates{
    StateRow{JobState::kPending, "PENDING", Phase::kWaits},
    StateRow{JobState::kConfiguring, "CONFIGURING", Phase::kWaits},
    StateRow{JobState::kRunning, "RUNNING", Phase::kRuns},
    StateRow{JobState::kSuspended, "SUSPENDED", Phase::kRuns},
    StateRow{JobState::kStopped, "STOPPED", Phase::kRuns},
    StateRow{JobState::kSignaling, "SIGNALING", Phase::kRuns},
    StateRow{JobState::kResizing, "RESIZING", Phase::kRuns},
    StateRow{JobState::kStageOut, "STAGE_OUT", Phase::kEnding},
    StateRow{JobState::kCompleting, "COMPLETING", Phase::kEnding},
    StateRow{JobState::kExpediting, "EXPEDITING", Phase::kWaits},
    StateRow{JobState::kRequeued, "REQUEUED", Phase::kWaits},
    StateRow{JobState::kRequeueFed, "REQUEUE_FED", Phase::kWaits},
    StateRow{JobState::kRequeueHold, "REQUEUE_HOLD", Phase::kHeld},
    StateRow{JobState::kSpecialExit, "SPECIAL_EXIT", Phase::kHeld},
    StateRow{JobState::kReservationHold, "RESV_DEL_HOLD", Phase::kHeld},
    StateRow{JobState::kCompleted, "COMPLETED", Phase::kEnded},
    StateRow{JobState::kFailed, "FAILED", Phase::kEnded},
    StateRow{JobState::kCancelled, "CANCELLED", Phase::kEnded},
    StateRow{JobState::kTimeout, "TIMEOUT", Phase::kEnded},
    StateRow{JobState::kNodeFail, "NODE_FAIL", Phase::kEnded},
    StateRow{JobState::kPreempted, "PREEMPTED", Phase::kEnded},
    StateRow{JobState::kBootFail, "BOOT_FAIL", Phase::kEnded},
    StateRow{JobState::kDeadline, "DEADLINE", Phase::kEnded},
    StateRow{JobState::kOutOfMemory, "OUT_OF_MEMORY", Phase::kEnded},
    StateRow{JobState::kRevoked, "REVOKED", Phase::kEnded},
};

const StateRow& row_of(JobState state) {
  const auto* row = std::find_if(kStates.begin(), kStates.end(), [&](const StateRow& r) { return r.state == state; });
  RESOLUTE_EXPECT(row != kStates.end(), "a job state without a name");
  return *row;
}

}  // namespace

std::optional<JobState> parse_job_state(std::string_view text) {
  for (const StateRow& row : kStates)
    if (row.name == text) return row.state;
  return std::nullopt;
}

std::string_view name_of(JobState state) { return row_of(state).name; }

Phase phase_of(JobState state) { return row_of(state).phase; }

std::string plain_reason(std::string_view reason) {
  std::string plain(reason);
  std::transform(plain.begin(), plain.end(), plain.begin(),
                 [](unsigned char c) { return c == '_' ? ' ' : static_cast<char>(std::tolower(c)); });
  return plain.erase(0, plain.find_first_not_of(" ("));
}

Phase phase_of(JobState state, std::string_view reason) {
  constexpr std::array<std::string_view, 7> kHolds{"jobhelduser",
                                                   "jobheldadmin",
                                                   "jobholdmaxrequeue",
                                                   "job requeued in held state",
                                                   "launch failed requeued held",
                                                   "job held",
                                                   "requeuedholdlimit"};
  const std::string plain = plain_reason(reason);
  const bool held = state == JobState::kPending &&
                    std::any_of(kHolds.begin(), kHolds.end(), [&](auto hold) { return plain.starts_with(hold); });
  return held ? Phase::kHeld : phase_of(state);
}

}  // namespace resolute::slurm
