#pragma once
//! \file
//! What would only show after a night in the queue, said before it.

#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "experiments/specification/plan.h"
#include "experiments/store/store_layout.h"
#include "slurm/submission.h"

namespace resolute::allocations {

//! Refuses a time limit of which next to nothing is left to work in, with the sum: what SLURM gives, less the notice at
//! which the run stops, less what SLURM's notice may come earlier. Pure. \throws RuntimeError (kInput)
void require_time_to_work(const slurm::SubmissionRequest& request);

//! One sentence for each thing that will probably go wrong on the nodes, or waste them.
std::vector<std::string> submission_warnings(core::FileSystem& files, const experiments::Plan& plan,
                                             const experiments::StoreLayout& store,
                                             const slurm::SubmissionRequest& request);

}  // namespace resolute::allocations
