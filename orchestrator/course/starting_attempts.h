#pragma once
//! \file
//! How far the starts of attempts are: from the decision to place one until its agents are told to launch it, or until
//! it is given up before that.

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "orchestrator/messages/event.h"
#include "orchestrator/messages/wire.h"

namespace resolute::orchestrator {

class StartingAttempts {
 public:
  //! RunStore::prepare() is under way.
  void begin(JobIndex job, int attempt) { starting_[job] = {attempt, MakesFiles{}}; }
  bool makes_files(JobIndex job, int attempt) const {
    return in<MakesFiles>(job) && starting_.at(job).attempt == attempt;
  }
  //! Attempts whose files are being made.
  std::size_t making_files() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        starting_, [](const auto& start) { return std::holds_alternative<MakesFiles>(start.second.phase); }));
  }
  //! The job's attempt has its files. \param gang it waits for its listener before it can be launched
  void files_made(JobIndex job, bool gang) {
    auto& phase = starting_.at(job).phase;
    if (gang)
      phase = AwaitsListener{};
    else
      phase = Launchable{};
  }
  //! The attempt has its files, and no agent has been told to launch it.
  bool has_files(JobIndex job, int attempt) const {
    return starts(job) && !in<MakesFiles>(job) && starting_.at(job).attempt == attempt;
  }
  //! Process rank 0 of a gang will listen there: the gang is queued. Nothing if that is known already.
  void listen(JobIndex job, const Prepared& listener) {
    if (!in<AwaitsListener>(job)) return;
    starting_.at(job).phase = Launchable{listener};
    queue(job);
  }
  bool starts(JobIndex job) const { return starting_.contains(job); }
  //! It starts, and what it waits for is no agent.
  bool waits_for_store(JobIndex job) const { return starts(job) && !in<AwaitsListener>(job); }
  bool launchable(JobIndex job) const { return in<Launchable>(job); }
  //! Its agents are told. \return where process rank 0 of a gang will listen; nothing for a job of one rank
  std::optional<Prepared> launch(JobIndex job) {
    return std::get<Launchable>(starting_.extract(job).mapped().phase).listener;
  }
  //! \return whether the attempt was being started
  bool give_up(JobIndex job, int attempt) {
    const auto found = starting_.find(job);
    if (found == starting_.end() || found->second.attempt != attempt) return false;
    starting_.erase(found);
    return true;
  }
  void forget(JobIndex job) { starting_.erase(job); }

  // Jobs that are to be launched once it is known that no other run has taken over. They may have been given up since.
  void queue(JobIndex job) { queue_.push_back(job); }
  bool queued() const { return !queue_.empty(); }
  std::vector<JobIndex> take_queue() { return std::exchange(queue_, {}); }

 private:
  struct MakesFiles {};
  struct AwaitsListener {};
  struct Launchable {
    std::optional<Prepared> listener;
  };
  struct Start {
    int attempt = 0;
    std::variant<MakesFiles, AwaitsListener, Launchable> phase;
  };
  template <class Phase>
  bool in(JobIndex job) const {
    const auto found = starting_.find(job);
    return found != starting_.end() && std::holds_alternative<Phase>(found->second.phase);
  }
  std::map<JobIndex, Start> starting_;
  std::vector<JobIndex> queue_;
};

}  // namespace resolute::orchestrator
