#include "orchestrator/course/elsewhere.h"

#include <algorithm>

namespace resolute::orchestrator {

std::vector<JobIndex> Elsewhere::take_held(Instant now) {
  std::vector<JobIndex> due;
  for (const auto& [job, look_at] : held_)
    if (look_at <= now) due.push_back(job);
  for (JobIndex job : due) held_.erase(job);
  return due;
}

int Elsewhere::free_attempt(JobIndex job, int attempt) const {
  const auto used = used_attempts_.find(job);
  return used == used_attempts_.end() ? attempt : std::max(attempt, used->second + 1);
}

bool Elsewhere::end_call(core::MonotonicTime now) {
  if (--calls_ > 0) return false;
  looked_at_ = failed_ ? std::nullopt : std::optional(now);
  return true;
}

}  // namespace resolute::orchestrator
