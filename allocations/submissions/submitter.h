#pragma once
//! \file
//! Who submits, and with how much patience.

#include <map>
#include <optional>
#include <string>

#include "slurm/client.h"
#include "slurm/submission.h"

namespace resolute::allocations {

//! The name of the user that this process acts as; USER where the machine has no name for it.
std::string effective_user();

//! Whose submission it is, if not the effective user's. SLURM tells everybody of his own jobs alone: of others' it
//! would seem that they are gone.
std::optional<std::string> other_submitter(const slurm::SubmissionRequest& request);

//! \throws RuntimeError (kInput) if there is no sbatch here
void require_sbatch(const std::map<std::string, std::string>& environment);

//! With patience for somebody who waits at a terminal.
slurm::ClientOptions interactive_client();

}  // namespace resolute::allocations
