#pragma once
//! \file
//! Submits what decide_growth() wants. Safe beside others that do the same: they choose the same batches, and each
//! generation of a batch is submitted once.

#include <optional>

#include "allocations/growth/demand.h"
#include "allocations/submissions/standing.h"
#include "slurm/client.h"

namespace resolute::allocations {

//! What stands after a look.
struct Grown {
  int submitted = 0;                      //!< by this call
  std::optional<RefusedBatch> refused{};  //!< by SLURM: nothing more was tried
  bool failures = false;                  //!< of the jobs some have failed or been cancelled
  bool goes_on = false;  //!< a batch other than `ending` waits or runs by SLURM's word, or one was submitted now
};

//! All that a look needs.
struct GrowthOrder {
  core::FileSystem& files;
  slurm::Client& client;
  const slurm::Effects& effects;
  slurm::SubmissionFolder folder;
  const experiments::Plan& plan;
  const experiments::StoreLayout& store;
  slurm::Time now{};
  Pardon pardon = Pardon::kNo;
  int ending = 0;  //!< Look::ending
};
//! Nothing, where each batch of the submission does all to its end, or it has ended or is being cancelled. One squeue,
//! and sbatch and two squeue a batch. Tells why in the log. \throws RuntimeError kTransient if SLURM does not answer;
//! of storage
Grown grow(const GrowthOrder& order);

//! submit_missing(), then grow(), pardoning what was barred: for who submits and resumes. \param standing gets what was
//! submitted \throws as they do
std::optional<RefusedBatch> submit_all_missing(core::FileSystem& files, slurm::Client& client,
                                               const slurm::Effects& effects, Standing& standing,
                                               const experiments::Plan& plan);

//! Whether a look is due: the last of all allocations was a minute ago. Writes down that there is one now.
//! \throws RuntimeError of storage
bool take_turn(core::FileSystem& files, const slurm::SubmissionFolder& folder, slurm::Time now);

}  // namespace resolute::allocations
