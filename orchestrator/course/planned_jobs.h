#pragma once
//! \file
//! The jobs of a run's plan, in its order, by the numbers that the journal gives them.

#include <memory>
#include <utility>
#include <vector>

#include "experiments/specification/plan.h"
#include "orchestrator/messages/event.h"

namespace resolute::orchestrator {

class PlannedJobs {
 public:
  using Jobs = std::vector<experiments::PlannedJob>;
  explicit PlannedJobs(Jobs jobs) : jobs_(std::make_shared<const Jobs>(std::move(jobs))) {}
  //! The next job of the plan has this number. \return its position
  std::size_t add(JobIndex number) {
    const auto index = static_cast<std::size_t>(number.value);
    if (positions_.size() <= index) positions_.resize(index + 1, jobs_->size());
    positions_[index] = numbers_.size();
    numbers_.push_back(number);
    return positions_[index];
  }
  //! So many had their results before the run.
  void note_done(int jobs) { done_before_ = jobs; }
  int done_before() const { return done_before_; }
  std::size_t size() const { return jobs_->size(); }
  //! The numbers that were added, in the plan's order.
  const std::vector<JobIndex>& numbers() const { return numbers_; }
  //! In the plan. \throws std::out_of_range for a number beyond all that were added
  std::size_t position_of(JobIndex number) const { return positions_.at(static_cast<std::size_t>(number.value)); }
  //! \throws std::out_of_range for a number that earlier plans alone have
  const experiments::PlannedJob& at(JobIndex number) const { return jobs_->at(position_of(number)); }
  // Other threads may read these after the run's end.
  std::shared_ptr<const experiments::PlannedJob> share(JobIndex number) const { return {jobs_, &at(number)}; }
  std::shared_ptr<const Jobs> share_all() const { return jobs_; }

 private:
  std::shared_ptr<const Jobs> jobs_;
  std::vector<JobIndex> numbers_;
  std::vector<std::size_t> positions_;  //!< by number; the size of the plan where it has no such job
  int done_before_ = 0;
};

}  // namespace resolute::orchestrator
