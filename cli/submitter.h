#pragma once
//! \file
//! Who submits, and with how much patience.

#include <optional>
#include <string>

#include "slurm/client.h"
#include "slurm/submission.h"

namespace resolute::cli {

//! The name of the user that this process acts as; USER where the machine has no name for it.
std::string effective_user();

//! Whose submission it is, if not the effective user's. SLURM tells everybody of his own jobs alone: of others' it
//! would seem that they are gone.
std::optional<std::string> other_submitter(const slurm::SubmissionRequest& request);

//! With patience for somebody who waits at a terminal.
slurm::ClientOptions interactive_client();

}  // namespace resolute::cli
