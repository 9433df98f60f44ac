#pragma once
//! \file
//! A submission as its folder and SLURM have it, for tests of the views of both.

#include <gtest/gtest.h>

#include "operations/submissions/allocation_view.h"

namespace resolute::tests {

inline const slurm::Time kNoon = std::chrono::sys_days(std::chrono::year(2026) / 1 / 31) + std::chrono::hours(12);
inline constexpr const char* kName = "resolute-tiny-0123456789ab-1";

//! One batch that SLURM took as job 12.
inline operations::StoredSubmission submitted() {
  operations::StoredSubmission submission;
  submission.request.token = "0123456789ab";
  submission.request.suite = "tiny";
  operations::StoredBatch batch;
  batch.batch.job_name = kName;
  batch.folder = "/store/suites/tiny/submissions/0123456789ab/batch-001";
  batch.generation = 0;
  batch.known = {{12, "", kNoon}};
  submission.batches = {batch};
  return submission;
}

inline slurm::QueuedJob queued(slurm::JobState state, const std::string& reason = "None") {
  slurm::QueuedJob job;
  job.id = 12;
  job.state = state;
  job.submitted = kNoon;
  job.nodes = 2;
  job.name = kName;
  job.reason = reason;
  return job;
}

inline slurm::ScriptStart run(std::optional<slurm::EndCause> cause = std::nullopt, const std::string& verdict = "") {
  slurm::ScriptStart run;
  run.job = 12;
  run.begin = kNoon;
  if (cause) run.end = kNoon + std::chrono::minutes(10);
  run.cause = cause;
  run.verdict = verdict;
  return run;
}

inline operations::AllocationView seen(const operations::StoredSubmission& submission,
                                       const operations::SlurmAnswer& answer, bool complete = false) {
  const auto views = operations::join({submission}, answer, complete);
  EXPECT_EQ(views.size(), 1);
  return views.at(0);
}

}  // namespace resolute::tests
