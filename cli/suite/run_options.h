#pragma once
//! \file
//! Internal to run.cpp: the options of `suite run`, and a run inside a SLURM allocation.

#include <map>
#include <string>

#include "cli/command.h"
#include "orchestrator/coordinator/run_options.h"

namespace resolute::cli {

//! \param run parse_options() writes into its members what was typed, or the default, and refuses a value that no run
//! can have; it must outlive `visible`
void add_run_options(boost::program_options::options_description& visible, orchestrator::RunOptions& run);

//! Sets what follows from several options, or from none: the run's end, and the time that agents get to join.
//! \throws RuntimeError (kInput) for a --walltime that leaves no time to work
void finish_run_options(const boost::program_options::variables_map& values,
                        const std::map<std::string, std::string>& environment, orchestrator::RunOptions& run);

//! Lets the run ask SLURM about signals, and its agents requeue an allocation of a submission that has lost its
//! coordinator. Outside of SLURM it changes nothing. \param run its `ends_at` and `policy` are read
void obey_batch_system(const std::map<std::string, std::string>& environment, orchestrator::RunOptions& run);

}  // namespace resolute::cli
