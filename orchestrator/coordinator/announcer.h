#pragma once
//! \file
//! Tells the log, and the line of progress on a terminal, what happens to a run.

#include <chrono>
#include <string>

#include "core/clock.h"
#include "core/progress.h"
#include "orchestrator/decisions/state.h"
#include "orchestrator/store/live.h"

namespace resolute::orchestrator {

class Announcer {
 public:
  //! \param jobs of the plan \param quiet no line for each job
  Announcer(const std::string& suite, std::size_t jobs, const core::Clock& clock, bool quiet)
      : progress_("suite " + suite, jobs, clock), jobs_(jobs), quiet_(quiet) {}
  //! So many jobs had their results before the run.
  void begin(int skipped) { done_ = skipped; }
  //! The jobs at work, on a terminal: the step and loss of the one that says most. \param live of the same state
  void show(const State& state, const LiveStatus& live);
  //! "(31 %, 2 min left): step 40/150, loss 2.3451, training … and 3 more"; pure. \param jobs of the plan
  static std::string words_of(const State& state, const LiveStatus& live, int done, std::size_t jobs);
  //! \param state has seen the event
  void tell(const State& state, const Event& event);
  //! A store whose oldest call takes longer stalls.
  static constexpr std::chrono::seconds kStall{2};
  //! The store's oldest call has not returned for so long. Said once, and once that it is over.
  void tell_of_stall(core::MonotonicTime::duration blocked);

 private:
  core::Progress progress_;
  std::size_t jobs_;
  bool quiet_;
  int done_ = 0;
  bool stall_told_ = false;
};

}  // namespace resolute::orchestrator
