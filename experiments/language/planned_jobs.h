#pragma once
//! \file
//! The jobs of a plan as they are made: equal ones are one.

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "core/error.h"
#include "experiments/specification/plan.h"

namespace resolute::experiments {

class PlannedJobs {
 public:
  static constexpr std::size_t kMost = 200'000;

  //! \param suite_file for a message
  explicit PlannedJobs(std::string suite_file) : suite_file_(std::move(suite_file)) {}

  //! \param job its id is made here \throws RuntimeError (kInput) for one too many
  JobId add(PlannedJob job) {
    job.id = job_id(job.specification);
    const auto [at, inserted] = index_.emplace(job.id.hex, jobs_.size());
    if (!inserted) {
      // W is no part of a job; where rows disagree the fastest of them serves all.
      int& known = jobs_[at->second].slots;
      known = std::max(known, job.slots);
      return job.id;
    }
    if (jobs_.size() == kMost)
      throw core::input_error(fmt::format("{}: the suite has too many jobs", suite_file_),
                              fmt::format("at most {} are planned", kMost), "split it in several suites");
    jobs_.push_back(std::move(job));
    return jobs_.back().id;
  }

  //! What a job that was added does.
  template <class Specification>
  const Specification& get(const JobId& id) const {
    return std::get<Specification>(jobs_[index_.at(id.hex)].specification);
  }

  //! In the order in which they were added first.
  std::vector<PlannedJob> take() { return std::move(jobs_); }

 private:
  std::string suite_file_;
  std::vector<PlannedJob> jobs_;
  std::unordered_map<std::string, std::size_t> index_;  // by id
};

}  // namespace resolute::experiments
