#pragma once
//! \file
//! The time that an allocation has left, and the shares of it: for a run's begin, a store that is away, a controller
//! that does not answer.

#include <chrono>
#include <functional>
#include <optional>

#include "operations/start/allocation.h"
#include "slurm/client.h"
#include "slurm/submission.h"

namespace resolute::operations {

//! Patience with the controller where other things wait.
inline constexpr std::chrono::seconds kShortPatience{10};
//! Patience with it where SLURM has told this process to go: every second may be the last.
inline constexpr std::chrono::seconds kLeastPatience{8};

class TimeLeft {
 public:
  explicit TimeLeft(const AllocationWorld& world) : world_(world) {}

  //! \param end of the allocation, if it is known \param notice the run stops so long before it
  void learn(std::optional<slurm::Time> end, std::chrono::seconds notice);
  std::optional<slurm::Time> end() const { return end_; }

  //! SLURM has given notice, or ends this process.
  bool told_to_go() const;
  //! A run that begins now would not get to work.
  bool too_late_to_run() const;
  //! The time left is needed to settle what follows. After a notice there is time until shortly before the end.
  bool too_late_to_wait() const;
  //! A run that has not begun after this time never will. Another launcher, or another start, must still fit into the
  //! allocation.
  std::chrono::milliseconds begin_limit() const;
  //! Patience with the controller when there is nothing else to do: all the time that is left.
  std::chrono::milliseconds patience() const;

  //! while_storage_fails() for as long as it is not too late to wait.
  void patiently(const std::function<void()>& work) const;
  //! A client whose pauses end when SLURM ends this process: its calls then throw a RuntimeError (kInterrupted)
  slurm::Client client(std::chrono::milliseconds patience) const;

 private:
  const AllocationWorld& world_;
  std::optional<slurm::Time> end_;
  std::chrono::seconds notice_{};
};

//! A batch of a submission, and what a start of its script has to serve it with. All of it outlives what is given it.
struct ServedBatch {
  const AllocationWorld& world;
  const TimeLeft& time;
  slurm::SubmissionFolder& folder;
  const slurm::SubmissionRequest& request;
  const slurm::Batch& batch;
};

}  // namespace resolute::operations
