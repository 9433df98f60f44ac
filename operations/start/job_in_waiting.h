#pragma once
//! \file
//! A second job of a batch's name that waits for the end of the first (singleton). It goes on if the first cannot be
//! requeued, for want of a node, a controller or a right (`--continue armed`).

#include <chrono>

#include "operations/start/time_left.h"

namespace resolute::operations {

class JobInWaiting {
 public:
  //! \param generation that is at work
  JobInWaiting(const ServedBatch& served, int generation);

  //! True if the store knows a job in waiting.
  bool is_there() const;
  //! Submits it, unless it is there, it is too early, or the batch has none. Call it again and again: a failure is a
  //! line in the log, and a later call tries again.
  void see_to_it();
  //! Cancels it: nothing is left to do. If SLURM does not answer, the job finds that out when it begins.
  void dismiss() const;
  //! The generation that goes on: its own, unless somebody has cancelled it. \throws as Client::find()
  int next_generation(slurm::Client& client) const;

 private:
  const ServedBatch served_;
  int next_;
  bool submitted_ = false;
  std::chrono::seconds pause_;
  core::MonotonicTime next_try_;  // a node's time of day may be set while it works
};

}  // namespace resolute::operations
