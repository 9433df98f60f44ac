#pragma once
//! \file
//! What a failed SLURM command means: to be tried again, a job that SLURM does not know, a refusal, no SLURM at all.
//! Pure. By text, never by exit code: the same trouble ends with 1, 8, 140 or 255. The texts are those of 22.05 (seen
//! on the test box, or in its table of errors); whatever is not among them counts as transient.

#include <string>

#include "core/process/process.h"

namespace resolute::slurm {

//! Whether a command ended by itself, in time and with 0.
bool succeeded(const core::CommandOutput& output);

enum class Trouble {
  kTransient,   //!< the controller is slow or away, or nothing is known of the reason: try again
  kUnknownJob,  //!< "Invalid job id specified"
  kRefused,     //!< SLURM said no, and will again
  kMissing,     //!< there is no such command here, or no configuration of a cluster
};
//! A text of a transient trouble anywhere outweighs all others: whoever sent a job then does not know what became of
//! it. \param output of a command that did not exit with 0
Trouble classify(const core::CommandOutput& output);
//! The line of a command's standard error that tells most, without "sbatch: error: " before it: printable ASCII, at
//! most 300 characters, never empty.
std::string complaint(const core::CommandOutput& output);

}  // namespace resolute::slurm
