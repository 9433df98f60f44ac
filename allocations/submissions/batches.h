#pragma once
//! \file
//! How a suite's jobs are spread over what is handed to sbatch, and what their allocations must know of the
//! environment.

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "experiments/specification/plan.h"
#include "slurm/submission.h"

namespace resolute::allocations {

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

}  // namespace resolute::allocations
