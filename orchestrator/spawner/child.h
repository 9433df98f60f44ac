#pragma once
//! \file
//! The spawner's own process.

#include "orchestrator/spawner.h"

namespace resolute::orchestrator {

//! Serves commands from `socket` until it ends, then kills what runs. Called in the forked child only, which does that
//! in a child of its own and stays behind it to end what is left if that is killed.
[[noreturn]] void run_spawner(int socket, const SpawnerOptions& options);

}  // namespace resolute::orchestrator
