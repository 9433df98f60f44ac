#pragma once
//! \file
//! What `suite submit` asks of SLURM: command line over site file over SBATCH_ACCOUNT, _PARTITION, _QOS, _CONSTRAINT,
//! _RESERVATION, as the parts of a slurm::SubmissionRequest.

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cli/suite_arguments.h"
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

//! One batch an allocation, or, with --array, one a level of the plan and thousand jobs: a job of a level needs none of
//! its level. Jobs that have their result are left out. A batch of an array waits for the end of one of the level
//! before it: the last that holds something that it needs. That orders nearly everything; where an element comes to its
//! turn and what it needs is not there (another batch of that level still works on it, or it failed), it waits for
//! whoever has claimed that, or does it itself, as every run does with what it needs. So an order that is not kept
//! costs time and never a result. Pure. \param allocations 1 or more
std::vector<slurm::Batch> batches_of(const experiments::Plan& plan, const std::string& token, int allocations,
                                     bool array, const std::function<bool(const experiments::JobId&)>& has_result);

//! Names in ${NAME} of a suite's text with their values: an allocation on another machine must see them too. STORE is
//! none of them.
std::vector<std::pair<std::string, std::string>> suite_variables(const std::string& suite_text,
                                                                 const std::map<std::string, std::string>& environment);

}  // namespace resolute::cli
