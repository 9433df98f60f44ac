#pragma once
//! \file
//! Carries out what next_generations() decides. Safe beside others that do the same: they choose the same batches, and
//! each generation of a batch is submitted once.

#include <functional>
#include <limits>
#include <optional>
#include <set>
#include <string>

#include "operations/growth/demand.h"
#include "operations/submissions/standing.h"
#include "slurm/client.h"

namespace resolute::operations {

struct SubmittedBatch {
  int batch = 0;  //!< its number
  int generation = 0;
  slurm::KnownJob job;
};
struct Grown {
  std::vector<SubmittedBatch> submitted{};  //!< by this call
  std::optional<RefusedBatch> refused{};    //!< SLURM refused it: nothing more was tried
  bool failures = false;                    //!< some jobs have failed or been cancelled
  bool ended = false;                       //!< the submission has: nothing was looked for
  bool cancelled = false;                   //!< the suite is being cancelled: nothing was looked for
  bool goes_on = false;                     //!< a batch waits or runs (jobs_that_go_on()), or one was submitted now
};

//! The wall clock. SLURM may answer after half an hour: who judges signs of life asks it then.
using Clock = std::function<slurm::Time()>;

struct GrowthOrder {
  core::FileSystem& files;
  slurm::Client& client;
  const slurm::Effects& effects;
  slurm::SubmissionFolder folder;
  const experiments::Plan& plan;
  const Clock& clock;
  Pardon pardon = Pardon::kNo;
  int ending = 0;  //!< number of the batch whose end it is, which has written its record; 0: none
  int most = std::numeric_limits<int>::max();  //!< that are submitted by this call
};
//! How the jobs stand. A run that is not on this machine and has said nothing for half a minute is over, and its jobs
//! are ready again. \param over names of runs that are over besides
SuiteStatus read_standings(core::FileSystem& files, const experiments::StoreLayout& store,
                           const experiments::Plan& plan, const Clock& clock, std::set<std::string> over);
//! True if the submission has batches on demand or for some kinds of jobs only. Without them it never grows.
bool has_pools(const slurm::SubmissionRequest& request);
//! Submits what follows, and says why in the log; stops at the first batch that SLURM refuses. Unless pardoned it does
//! nothing where the submission has ended or has no pools. While the suite is being cancelled nothing grows. One
//! squeue, and sbatch and two squeue per batch. \throws RuntimeError kTransient if SLURM does not answer; of storage
Grown grow(const GrowthOrder& order);

//! grow(), pardoning what was barred, for who submits and resumes. Warns if nothing of the submission goes on after it.
//! \param standing gets what was submitted \return the batch that SLURM refused
std::optional<RefusedBatch> submit_all_missing(core::FileSystem& files, slurm::Client& client,
                                               const slurm::Effects& effects, Standing& standing,
                                               const experiments::Plan& plan, const Clock& clock);

//! True if no allocation has looked for a minute. Writes down that one looks now. \throws RuntimeError of storage
bool take_turn(core::FileSystem& files, const slurm::SubmissionFolder& folder, slurm::Time now);

}  // namespace resolute::operations
