#include "orchestrator/course/attempts.h"

namespace resolute::orchestrator {

AttemptAtWork* Attempts::find(JobIndex job, int number) {
  const auto found = attempts_.find(job);
  return found != attempts_.end() && found->second.number == number ? &found->second : nullptr;
}

std::vector<LiveRetry> Attempts::retries(const State& state, core::MonotonicTime now) const {
  std::vector<LiveRetry> retries;
  for (const auto& [number, retry] : retries_) {
    const Job& job = job_of(state, number);
    if (!has_ended(job))
      retries.push_back({job.id, retry.ended.attempt, std::string(name_of(retry.ended.cause)), retry.ended.evidence,
                         std::chrono::duration<double>(now - retry.at).count()});
  }
  keep_newest(retries);
  return retries;
}

}  // namespace resolute::orchestrator
