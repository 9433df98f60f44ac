#pragma once
//! \file
//! A run inside a SLURM allocation: the meaning of its signals, and the end of a coordinator whose node is lost.

#include <map>
#include <string>

#include "orchestrator/coordinator/run_options.h"

namespace resolute::cli {

//! Lets the run ask SLURM about signals, and its agents requeue an allocation of a submission that has lost its
//! coordinator. Outside of SLURM it changes nothing. \param run its `ends_at` and `policy` are read
void obey_batch_system(const std::map<std::string, std::string>& environment, orchestrator::RunOptions& run);

}  // namespace resolute::cli
