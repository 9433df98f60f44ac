#pragma once
//! \file
//! Checks before the submission that find what would else show after a night in the queue.

#include <optional>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "experiments/specification/plan.h"
#include "experiments/store/store_layout.h"
#include "operations/submissions/standing.h"
#include "slurm/client.h"
#include "slurm/submission.h"

namespace resolute::operations {

//! Refuses a time limit of which next to nothing is left to work in, with the sum: what SLURM gives, less the notice at
//! which the run stops, less what SLURM's notice may come earlier. Pure. \param time limit; 0: the cluster's
//! \throws RuntimeError (kInput)
void require_time_to_work(const slurm::SubmissionRequest& request, std::chrono::seconds time);

//! Refuses allocations for jobs that take GPUs (trainings on GPUs, one per process rank, and what evaluates them) where
//! a site has machines without any for them, or none of the allocations that run them enough for the largest. Jobs that
//! have a result ask for nothing. \throws RuntimeError (kInput)
void require_gpus(core::FileSystem& files, const experiments::StoreLayout& store, const experiments::Plan& plan,
                  const slurm::SubmissionRequest& request);

//! Refuses a request that SLURM would take and never start, by its partitions, and a machine whose SLURM has no
//! cluster. It asks sinfo once, and refuses nothing if that does not answer within seconds. \return a warning about the
//! default partition, where another could do it, or about nodes of several kinds; or nothing \throws RuntimeError
//! (kInput)
std::optional<std::string> require_possible(const slurm::Effects& effects, const slurm::SubmissionRequest& request);

//! Leaves nodes out of a new submission that the suite's last runs had set aside as a whole, each with a warning. One
//! sinfo says which of these hosts are nodes here, where there are any. All stay where too few would be left.
void leave_out_bad_nodes(core::FileSystem& files, const slurm::Effects& effects, const experiments::StoreLayout& store,
                         slurm::SubmissionRequest& request);

//! One sentence for each thing that will probably go wrong on the nodes, or waste them.
std::vector<std::string> submission_warnings(core::FileSystem& files, const experiments::Plan& plan,
                                             const experiments::StoreLayout& store,
                                             const slurm::SubmissionRequest& request);

}  // namespace resolute::operations
