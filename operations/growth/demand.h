#pragma once
//! \file
//! Decides what follows for a submission, from its records, SLURM's queue and the ready work. Pure. grow() (grow.h)
//! carries it out for `suite submit`, `suite resume`, and an allocation that runs or ends.

#include <string>
#include <vector>

#include "experiments/specification/plan.h"
#include "operations/growth/growth.h"
#include "operations/look/status.h"
#include "operations/submissions/stored_submission.h"
#include "orchestrator/store/durations.h"

namespace resolute::operations {

//! kYes: somebody submits or resumes. Batches that SLURM has lost are submitted again, and nothing bars a batch any
//! more.
enum class Pardon { kNo, kYes };

//! Starts in a row that ended by themselves while the whole suite got nowhere, after which a batch is barred.
inline constexpr int kMostInVain = 3;

//! SLURM's jobs of a batch that go on: all of its name but those that have ended, by SLURM or by their own record (the
//! script lives some seconds longer). \param batch with its history
std::vector<const slurm::QueuedJob*> jobs_that_go_on(const StoredBatch& batch,
                                                     const std::vector<slurm::QueuedJob>& queued);
//! The presence of one batch. \param batch with its history \param queued jobs_that_go_on()
Presence presence_of(const StoredBatch& batch, const std::vector<const slurm::QueuedJob*>& queued, Pardon pardon);

//! How long an allocation of these batches waits for its begin: the median of the last five, or the wait of one that is
//! waiting longer now; nothing: none has been submitted. \param batches with their histories
std::optional<std::chrono::seconds> queue_wait_of(const std::vector<const StoredBatch*>& batches,
                                                  const std::vector<slurm::QueuedJob>& queued, slurm::Time now);

//! Work of a suite: by position in Plan::jobs.
struct SuiteWork {
  const experiments::Plan& plan;
  const std::vector<JobStanding>& standings;
  const std::vector<orchestrator::ExpectedPath>& expected;
};
//! A demand for each pool that has batches on demand. \param submission with the histories of its batches \param queued
//! all jobs of its batches' names that SLURM knows
std::vector<PoolDemand> demands_of(const StoredSubmission& submission, const std::vector<slurm::QueuedJob>& queued,
                                   const SuiteWork& work, slurm::Time now, Pardon pardon);

//! A generation of a batch that is to be submitted.
struct NextGeneration {
  const StoredBatch* batch = nullptr;  //!< of the submission
  int generation = 0;                  //!< the one that was begun and has no answer, else the next one
  std::string why{};                   //!< why it is wanted, of a batch on demand; else empty
};
//! The generations that follow now, in the order in which they are submitted. Pardoned, the kept batches come first
//! whose last generation SLURM has no more. Then come those on demand that decide_growth() wants. \param demands
//! demands_of() the same
std::vector<NextGeneration> next_generations(const StoredSubmission& submission,
                                             const std::vector<slurm::QueuedJob>& queued,
                                             const std::vector<PoolDemand>& demands, Pardon pardon);

//! True if a run that begins now would start a job that has failed or was given up: what the job needs is there. Pure.
//! \param index of the job in Plan::jobs
bool would_be_tried_again(const experiments::Plan& plan, const std::vector<JobStanding>& standings, std::size_t index);
//! True if a batch's run that begins now would start a job, ready or tried again. Pure.
bool has_work(const slurm::Batch& batch, const experiments::Plan& plan, const std::vector<JobStanding>& standings);

}  // namespace resolute::operations
