#pragma once
//! \file
//! Jobs whose ranks have ended, and of which it is not known yet whether they have their results. Pure: time is passed
//! in.

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "core/clock.h"
#include "orchestrator/messages/event.h"

namespace resolute::orchestrator {

class SettlingJobs {
 public:
  void add(JobIndex job) { jobs_.try_emplace(job); }
  void remove(JobIndex job) { jobs_.erase(job); }
  //! Those alone for which `settles`, a function of JobIndex, is true.
  template <class Settles>
  void keep(Settles settles) {
    std::erase_if(jobs_, [&](const auto& settling) { return !settles(settling.first); });
  }
  std::set<JobIndex> all() const {
    std::set<JobIndex> all;
    for (const auto& [job, settling] : jobs_) all.insert(job);
    return all;
  }
  //! Those whose results are to be looked for: a look is under way from now on, until end_look().
  std::vector<JobIndex> begin_looks(core::MonotonicTime now) {
    std::vector<JobIndex> due;
    for (auto& [job, settling] : jobs_) {
      if (settling.looking || now < settling.next_look) continue;
      settling.looking = true;
      due.push_back(job);
    }
    return due;
  }
  //! \return false if the job is settled by other means
  bool end_look(JobIndex job) {
    const auto found = jobs_.find(job);
    if (found == jobs_.end()) return false;
    found->second.looking = false;
    return true;
  }
  //! A result that should be there was not seen. Another node may have just published it (NFS). \param job one of them
  //! \param wait for so long after the first such look \return whether to look again
  bool look_again(JobIndex job, core::MonotonicTime now, std::chrono::milliseconds wait) {
    Settling& settling = jobs_.at(job);
    if (!settling.give_up) settling.give_up = now + wait;
    settling.next_look = now + std::min(kBetweenLooks, wait);
    return now < *settling.give_up;
  }

 private:
  static constexpr std::chrono::milliseconds kBetweenLooks{20};
  struct Settling {
    bool looking = false;
    core::MonotonicTime next_look{};
    std::optional<core::MonotonicTime> give_up;
  };
  std::map<JobIndex, Settling> jobs_;
};

}  // namespace resolute::orchestrator
