#pragma once
//! \file
//! The user that this process acts as: whose jobs SLURM lets it see and end.

#include <optional>
#include <string>

namespace resolute::slurm {

//! The effective user's name; nothing where the machine, say a container, has none for it.
std::optional<std::string> effective_user_name();

}  // namespace resolute::slurm
