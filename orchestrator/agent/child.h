#pragma once
//! \file
//! The spawner's own processes.

#include <filesystem>

#include "orchestrator/agent/spawner.h"

namespace resolute::orchestrator {

//! Serves commands from `socket` until it ends, then kills what runs. Called in the forked child only, which does that
//! in a child of its own and stays behind it to end what is left if that is killed. guard.cpp
//! \param groups control group in which ranks get groups of their own; removed in the end. Empty: there is none
[[noreturn]] void run_spawner(int socket, const SpawnerOptions& options, const std::filesystem::path& groups);

//! What that child does. \param log_keeper socket to the process of run_log_keeper() \return its exit code
int serve_ranks(int socket, core::FileDescriptor log_keeper, const SpawnerOptions& options,
                const std::filesystem::path& groups);

}  // namespace resolute::orchestrator
