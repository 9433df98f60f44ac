#pragma once
//! \file
//! The user who submits, and the client's patience.

#include <map>
#include <optional>
#include <string>

#include "slurm/client.h"
#include "slurm/submission.h"

namespace resolute::operations {

//! The name of the user that this process acts as; USER where the machine has no name for it.
std::string effective_user();

//! The user of a submission, if it is not the effective user's. SLURM shows users their own jobs only: others' jobs
//! would seem to be gone.
std::optional<std::string> other_submitter(const slurm::SubmissionRequest& request);

//! \throws RuntimeError (kInput) if there is no sbatch here
void require_sbatch(const std::map<std::string, std::string>& environment);

//! A client with patience for somebody who waits at a terminal.
slurm::Client interactive_client();

}  // namespace resolute::operations
