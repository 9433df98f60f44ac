#pragma once
//! \file
//! Spreads a suite's jobs over batches, and finds the variables that their allocations need.

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "settings/job_kind.h"
#include "slurm/submission.h"

namespace resolute::operations {

//! True if a pool or batch of these kinds takes jobs of `kind`; without kinds it takes all.
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

//! Names in ${NAME} of a suite's text with their values: an allocation on another machine must see them too. STORE is
//! none of them; RESOLUTE_PYTHON is one where a file in Python is named.
std::vector<std::pair<std::string, std::string>> suite_variables(const std::string& suite_text,
                                                                 const std::map<std::string, std::string>& environment);

}  // namespace resolute::operations
