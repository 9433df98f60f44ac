#pragma once
//! \file
//! A job of a batch's name that waits for the end of the one at work (singleton). Where that one cannot be requeued in
//! its end, for want of a node, a controller or a right, the one in waiting goes on (`--continue armed`).

#include <chrono>

#include "allocations/start/allocation.h"
#include "allocations/start/time_left.h"
#include "slurm/submission.h"

namespace resolute::allocations {

//! All that it is given must outlive it.
class JobInWaiting {
 public:
  //! \param generation that is at work
  JobInWaiting(const AllocationWorld& world, const TimeLeft& time, slurm::SubmissionFolder& folder,
               const slurm::SubmissionRequest& request, const slurm::Batch& batch, int generation);

  //! It is there, as far as the store knows.
  bool is_there() const;
  //! Submits it, unless it is there, it is not its time, or the batch has none: called again and again. What goes wrong
  //! is a line in the log, and tried again later.
  void see_to_it();
  //! Cancels it: nothing is left to do. Where SLURM does not hear that, it sees it by itself when it begins.
  void dismiss() const;
  //! The generation that goes on: its own, unless somebody has cancelled it. \throws as Client::find()
  int next_generation(slurm::Client& client) const;

 private:
  const AllocationWorld& world_;
  const TimeLeft& time_;
  slurm::SubmissionFolder& folder_;
  const slurm::SubmissionRequest& request_;
  const slurm::Batch& batch_;
  int next_;
  bool submitted_ = false;
  std::chrono::seconds pause_;
  slurm::Time next_try_;
};

}  // namespace resolute::allocations
