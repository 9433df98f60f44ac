#pragma once
//! \file
//! Judges a failed SLURM command: try again, unknown job, refusal, or no SLURM at all. Pure. The text decides, never
//! the exit code: the same trouble ends with 1, 8, 140 or 255. The texts are those of 22.05 (seen on the test box, or
//! in its table of errors); any other text counts as transient.

#include <string>

#include "core/process/process.h"

namespace resolute::slurm {

enum class Trouble {
  kTransient,   //!< the controller is slow or away, the refusal passes, or its reason is not known: try again
  kUnknownJob,  //!< "Invalid job id specified"
  kRefused,     //!< SLURM said no, and will again
  kMissing,     //!< there is no such command here, or no configuration of a cluster
};
//! A transient text anywhere outweighs all others: after it nobody knows what became of a submitted job. \param output
//! of a command that did not exit with 0
Trouble classify(const core::CommandOutput& output);
//! The line of a command's standard error that tells most, without "sbatch: error: " before it: printable ASCII, at
//! most 300 characters, never empty.
std::string complaint(const core::CommandOutput& output);

}  // namespace resolute::slurm
