#include "slurm/job_state.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace resolute::slurm {

Phase phase_of(JobState state) {
  if (state <= JobState::kConfiguring) return Phase::kWaits;
  if (state <= JobState::kRevoked) return Phase::kRuns;
  if (state <= JobState::kCompleting) return Phase::kEnding;
  if (state <= JobState::kRequeueFed) return Phase::kWaits;
  return state <= JobState::kReservationHold ? Phase::kHeld : Phase::kEnded;
}

std::string plain_reason(std::string_view reason) {
  std::string plain(reason);
  std::ranges::transform(plain, plain.begin(),
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
  const bool held =
      state == JobState::kPending && std::ranges::any_of(kHolds, [&](auto hold) { return plain.starts_with(hold); });
  return held ? Phase::kHeld : phase_of(state);
}

}  // namespace resolute::slurm
