#pragma once
//! \file
//! What a submission's pools of allocations have and what work is ready for them, of what the store and SLURM say.
//! Pure.

#include <set>
#include <string>
#include <vector>

#include "allocations/growth/growth.h"
#include "allocations/submissions/stored_submission.h"
#include "experiments/specification/plan.h"
#include "orchestrator/look/status.h"
#include "orchestrator/store/durations.h"

namespace resolute::allocations {

//! What barred a batch is mended: `suite resume` says so.
enum class Pardon { kNo, kYes };

//! Who looks, and when.
struct Look {
  slurm::Time now{};
  Pardon pardon = Pardon::kNo;
};

//! Starts in a row that ended by themselves while the whole suite got nowhere, after which a batch is barred.
inline constexpr int kMostInVain = 3;

//! SLURM's jobs of a batch that go on: all of its name but those that have ended, by SLURM's word or their own record
//! (a script has some seconds to live after that). \param batch with its history
std::vector<const slurm::QueuedJob*> jobs_that_go_on(const StoredBatch& batch,
                                                     const std::vector<slurm::QueuedJob>& queued);
//! Of one batch. \param batch with its history \param queued jobs_that_go_on()
Presence presence_of(const StoredBatch& batch, const std::vector<const slurm::QueuedJob*>& queued, Pardon pardon);

//! That an allocation of these batches waits for its begin: the median of the last five that have begun, or longer
//! where one is waiting longer now; nothing: none has been submitted. \param batches with their histories
std::optional<std::chrono::seconds> queue_wait_of(const std::vector<const StoredBatch*>& batches,
                                                  const std::vector<slurm::QueuedJob>& queued, slurm::Time now);

//! Work of a suite: by position in Plan::jobs.
struct SuiteWork {
  const experiments::Plan& plan;
  const std::vector<orchestrator::JobStanding>& standings;
  const std::vector<orchestrator::ExpectedPath>& expected;
};
//! One a pool that has batches on demand. \param submission with the histories of its batches \param queued all jobs of
//! its batches' names that SLURM knows
std::vector<PoolDemand> demands_of(const StoredSubmission& submission, const std::vector<slurm::QueuedJob>& queued,
                                   const SuiteWork& work, const Look& look);

//! Whether a run that begins now would start a job that has failed, or that somebody gave up: what it needs is there.
//! Pure. \param index of the job in Plan::jobs
bool would_be_tried_again(const experiments::Plan& plan, const std::vector<orchestrator::JobStanding>& standings,
                          std::size_t index);
//! Whether a batch's run that begins now would start a job: one that is ready, or would be tried again. Pure.
bool has_work(const slurm::Batch& batch, const experiments::Plan& plan,
              const std::vector<orchestrator::JobStanding>& standings);

}  // namespace resolute::allocations
