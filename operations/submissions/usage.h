#pragma once
//! \file
//! Node- and GPU-hours of a suite. Pure.
//!
//! A start of a batch script costs its nodes, and the GPUs that were asked for, from its begin to its end by its
//! record: SLURM charges that, used or not. A run outside of SLURM costs the hosts of its agents from its first record
//! to its last, and the GPUs that its attempts held or that were set aside. A run whose time overlaps a start's belongs
//! to that start. An attempt's GPUs were useful up to its last checkpoint, or to its end if it was done.

#include <map>
#include <string>
#include <vector>

#include "operations/look/timeline.h"
#include "operations/submissions/stored_submission.h"

namespace resolute::operations {

struct Usage {
  double node_seconds = 0;
  double gpu_seconds = 0;
  int starts = 0;  //!< of batch scripts
  int silent = 0;  //!< of them, that ended without a word: they count to the last record of a run in them
  int runs = 0;    //!< outside of SLURM
  //! The part of gpu_seconds that led to a result or a checkpoint, or may yet.
  double useful_gpu_seconds = 0;
  //! The part whose work attempts did not keep, by how they ended (name_of(Cause)): it was done again, or in vain; and
  //! "burn-in".
  std::map<std::string, double> lost_gpu_seconds{};
  double aside_gpu_seconds = 0;  //!< the part of GPUs that were set aside: jobs fail there
};
//! The rest of gpu_seconds: no attempt had these GPUs, though they were given out.
double idle_gpu_seconds(const Usage& usage);
//! "89 % useful, 3 % idle, 2 % set aside, 4 % lost by device-error, 2 % by agent-lost"; empty where there was no GPU.
std::string gpu_use_text(const Usage& usage);

//! \param now until which what goes on is counted
Usage usage_of(const std::vector<StoredSubmission>& submissions, const Timeline& timeline, orchestrator::Instant now);

}  // namespace resolute::operations
