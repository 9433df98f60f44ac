#pragma once
//! \file
//! What `suite submit` asks of SLURM: command line over site file over SBATCH_ACCOUNT, _PARTITION, _QOS, _CONSTRAINT,
//! _RESERVATION, as the parts of a slurm::SubmissionRequest.

#include <map>
#include <string>

#include "cli/suite/arguments.h"
#include "core/files/file_system.h"
#include "slurm/submission.h"

namespace resolute::cli {

//! --nodes, --gpus-per-node, --time, --partition, …, --allocations, --array, --site.
void add_submit_options(boost::program_options::options_description& options);

//! All of the request but its batches, token and time. \throws RuntimeError (kInput) naming the option,
//! FILE:LINE:COLUMN or the variable
slurm::SubmissionRequest read_submit_options(const SuiteArguments& arguments, const experiments::Plan& plan,
                                             core::FileSystem& files,
                                             const std::map<std::string, std::string>& environment);

}  // namespace resolute::cli
