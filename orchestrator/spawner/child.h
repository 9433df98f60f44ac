#pragma once
//! \file
//! The spawner's own process.

#include "orchestrator/spawner.h"

namespace resolute::orchestrator {

//! Serves commands from `socket` until it ends, then kills what runs. Called in the forked child only.
[[noreturn]] void run_spawner(int socket, const SpawnerOptions& options);

}  // namespace resolute::orchestrator
