#pragma once
//! \file
//! Why SLURM lets a job wait (squeue(1), JOB REASON CODES), in plain words, with what to do about it. Pure.

#include <string>
#include <string_view>

namespace resolute::cli {

struct PendingReason {
  std::string words;      //!< empty: nothing to explain
  std::string advice;     //!< empty: nothing to do but wait
  bool held = false;      //!< nothing happens until somebody releases it
  bool for_ever = false;  //!< it will never run as it is
};
//! \param reason as squeue or scontrol write it; one that is not known comes back as its own words
PendingReason explain_reason(std::string_view reason);

}  // namespace resolute::cli
