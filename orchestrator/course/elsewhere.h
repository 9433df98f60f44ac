#pragma once
//! \file
//! The work of other runs of the store on this run's jobs, and the times to look for their results. Pure: time is
//! passed in.

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include "orchestrator/course/chore.h"
#include "orchestrator/messages/event.h"

namespace resolute::orchestrator {

class Elsewhere {
 public:
  //! Another run holds the job, whose result is to be looked for at `look_at`.
  void hold(JobIndex job, Instant look_at) { held_[job] = look_at; }
  //! Held jobs whose results are to be looked for now; each once.
  std::vector<JobIndex> take_held(Instant now) {
    std::vector<JobIndex> due;
    for (const auto& [job, look_at] : held_)
      if (look_at <= now) due.push_back(job);
    for (JobIndex job : due) held_.erase(job);
    return due;
  }
  //! Other runs have used the job's attempts up to `last`.
  void use_attempts(JobIndex job, int last) { used_attempts_[job] = last; }
  //! The least number from `attempt` on that no other run is known to have used.
  int free_attempt(JobIndex job, int attempt) const {
    const auto used = used_attempts_.find(job);
    return used == used_attempts_.end() ? attempt : std::max(attempt, used->second + 1);
  }
  //! Results of jobs that other allocations run are to be looked for. Each costs a call of the store: the more of them
  //! were awaited last, the more rarely. \param wait RunOptions::held_wait
  bool await_due(core::MonotonicTime now, std::chrono::milliseconds wait) {
    return await_.due(now, wait * (1 + awaited_ / kAwaitedAWait));
  }
  void await(std::size_t jobs) { awaited_ = jobs; }

  // A full look: for results of everything, in several calls.
  bool looking() const { return calls_ > 0; }
  //! The last full look is recent enough to decide by.
  bool looked(core::MonotonicTime now) const { return looked_at_ && now - *looked_at_ < kBetweenFullLooks; }
  void begin_look(core::MonotonicTime now) {
    failed_ = false;
    looked_at_ = now;
  }
  void begin_call() { ++calls_; }
  //! A call has failed, be it none of a full look: then the full look that is under way does not count.
  void fail() { failed_ = true; }
  //! \return true if the full look is over with this call
  bool end_call(core::MonotonicTime now) {
    if (--calls_ > 0) return false;
    looked_at_ = failed_ ? std::nullopt : std::optional(now);
    return true;
  }

 private:
  static constexpr std::chrono::seconds kBetweenFullLooks{1};
  static constexpr std::size_t kAwaitedAWait = 64;
  std::map<JobIndex, Instant> held_;
  std::map<JobIndex, int> used_attempts_;
  Chore await_;
  std::size_t awaited_ = 0;
  std::size_t calls_ = 0;  //!< of a full look, under way
  bool failed_ = false;
  std::optional<core::MonotonicTime> looked_at_;  //!< when a full look began, then when it was answered
};

}  // namespace resolute::orchestrator
