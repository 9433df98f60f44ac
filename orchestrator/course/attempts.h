#pragma once
//! \file
//! Attempts at work, as far as no decision needs to know of them: when they were heard, how far they say they are, what
//! they took. And why the last attempts at jobs that are tried again have failed. Pure: time is passed in.

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "orchestrator/decisions/state.h"
#include "orchestrator/store/live.h"

namespace resolute::orchestrator {

struct AttemptAtWork {
  int number = 0;
  core::MonotonicTime launched;
  core::MonotonicTime heard;  //!< last sign of life
  bool stalled = false;
  int ranks_started = 0;
  std::int64_t first_step = 0;  //!< the step from which a training goes on
  std::optional<core::MonotonicTime> first_checkpoint;
  std::string line;           //!< last words about its progress
  std::int64_t peak_mib = 0;  //!< of its largest rank that has ended
  std::int64_t cpu_ms = 0;    //!< of all its ranks that have ended
};

class Attempts {
 public:
  void begin(JobIndex job, int number) {
    attempts_[job] = {};
    attempts_[job].number = number;
  }
  void forget(JobIndex job) { attempts_.erase(job); }
  //! The attempt with that number, or nullptr.
  AttemptAtWork* find(JobIndex job, int number) {
    const auto found = attempts_.find(job);
    return found != attempts_.end() && found->second.number == number ? &found->second : nullptr;
  }
  //! The job's attempt. \throws std::out_of_range if it has none
  AttemptAtWork& at(JobIndex job) { return attempts_.at(job); }
  const std::map<JobIndex, AttemptAtWork>& all() const { return attempts_; }
  //! This process stood still for so long, in which nobody could be heard.
  void forgive(core::MonotonicTime::duration away) {
    for (auto& [job, attempt] : attempts_) attempt.heard += away;
  }
  //! Those that have given no sign of life for so long; each once. \param speaks a function of JobIndex: its attempt
  //! would give one
  template <class Speaks>
  std::vector<JobIndex> stall(core::MonotonicTime now, std::chrono::milliseconds limit, Speaks speaks) {
    std::vector<JobIndex> stalled;
    for (auto& [job, attempt] : attempts_) {
      if (attempt.stalled || now - attempt.heard < limit || !speaks(job)) continue;
      attempt.stalled = true;
      stalled.push_back(job);
    }
    return stalled;
  }

  //! \param ended with AttemptEnded::retry
  void retry(const AttemptEnded& ended, core::MonotonicTime now) { retries_[ended.job] = {ended, now}; }
  //! Those of jobs that have not ended since, as LiveStatus::retried has them.
  std::vector<LiveRetry> retries(const State& state, core::MonotonicTime now) const {
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

 private:
  struct Retry {
    AttemptEnded ended;
    core::MonotonicTime at;
  };
  std::map<JobIndex, AttemptAtWork> attempts_;
  std::map<JobIndex, Retry> retries_;
};

}  // namespace resolute::orchestrator
