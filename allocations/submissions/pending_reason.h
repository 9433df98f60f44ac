#pragma once
//! \file
//! Why SLURM lets a job wait (squeue(1), JOB REASON CODES), in plain words, with what to do about it. Pure.

#include <string>
#include <string_view>

namespace resolute::allocations {

struct PendingReason {
  std::string words;   //!< empty: nothing to explain
  std::string advice;  //!< empty: nothing to do but wait
};
//! \param reason as squeue or scontrol write it; one that is not known comes back as its own words
PendingReason explain_reason(std::string_view reason);

}  // namespace resolute::allocations
