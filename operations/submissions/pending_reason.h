#pragma once
//! \file
//! Explains in plain words, with advice, why SLURM lets a job wait (squeue(1), JOB REASON CODES), refused it, or saw it
//! end. Pure.

#include <string>
#include <string_view>

#include "slurm/job_record.h"

namespace resolute::operations {

struct PendingReason {
  std::string words;   //!< empty: nothing to explain
  std::string advice;  //!< empty: nothing to do but wait
};
//! \param reason as squeue or scontrol write it; one that is not known comes back as its own words
PendingReason explain_reason(std::string_view reason);

//! Advice on a refused submission by SLURM's words; never empty.
std::string advice_on_refusal(const std::string& words);
//! How a failed job's script ended, where that says more than its own record can: empty words for an exit code of the
//! script's own.
PendingReason explain_exit(slurm::JobState state, const slurm::ExitCode& exit);

}  // namespace resolute::operations
