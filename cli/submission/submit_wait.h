#pragma once
//! \file
//! `suite submit --wait`: stays with a submission until its jobs have ended.

#include "experiments/specification/plan.h"
#include "experiments/store/store_layout.h"
#include "operations/submissions/standing.h"

namespace resolute::cli {

//! Says on stderr what changes, from the store; SLURM is asked at most twice a minute, and only while no run is seen at
//! work or those that are have fallen silent. ctrl-C leaves; the jobs go on. \param plan_again the plan as results make
//! it, asked while a search waits \return as `suite run`: 0 complete, 3 some
//! jobs failed, 75 not ended or cut off
int wait_for_submission(core::FileSystem& files, slurm::Client& client, const experiments::StoreLayout& store,
                        experiments::Plan plan, const std::function<experiments::Plan()>& plan_again,
                        const std::string& status_command);

}  // namespace resolute::cli
