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

//! Whether a pool or batch of these kinds is for jobs of `kind`; no kinds: for all.
bool takes(const std::vector<settings::JobKind>& kinds, settings::JobKind kind);

//! Allocations that may work side by side on jobs of some kinds.
struct Pool {
  std::vector<settings::JobKind> kinds{};  //!< that are started there; empty: all
  std::vector<slurm::Resources> shapes{};  //!< that an allocation may have, different ones; empty: the request's alone
  int least = 1;  //!< that are kept until the work is done, of the first shape; the others are on demand
  int most = 1;   //!< at once
};

//! One batch per allocation of each pool: those that are kept, then, for each shape, as many on demand as there may be
//! besides. Pure. \param pools of each one allocation or more, and each kind in one
std::vector<slurm::Batch> batches_of(const std::string& suite, const std::string& token,
                                     const std::vector<Pool>& pools);
//! The pools that a request's batches are of, in their order. Pure.
std::vector<Pool> pools_of(const slurm::SubmissionRequest& request);
//! How many allocations of a batch's pool may be at once: of those with its kinds. Pure.
int most_at_once(const slurm::SubmissionRequest& request, const slurm::Batch& batch);

//! With --array: one batch per level of the plan, pool and thousand jobs: a job of a level needs none of its level. A
//! pool's first shape counts. Jobs that have their result are left out. A batch waits for the end of one of the level
//! before it: the last that holds something that it needs. That orders nearly everything; where an element comes to its
//! turn and what it needs is not there (another batch of that level still works on it, or it failed), it waits for
//! whoever has claimed that, or does it itself, as every run does with what it needs. So an order that is not kept
//! costs time and never a result. Pure.
std::vector<slurm::Batch> array_batches_of(const experiments::Plan& plan, const std::string& token,
                                           const std::vector<Pool>& pools,
                                           const std::function<bool(const experiments::JobId&)>& has_result);

//! Names in ${NAME} of a suite's text with their values: an allocation on another machine must see them too. STORE is
//! none of them; RESOLUTE_PYTHON is one where a file in Python is named.
std::vector<std::pair<std::string, std::string>> suite_variables(const std::string& suite_text,
                                                                 const std::map<std::string, std::string>& environment);

}  // namespace resolute::allocations
