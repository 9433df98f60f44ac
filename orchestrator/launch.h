#pragma once
//! \file
//! What a job's processes are started with (docs/worker.md): pure but for prepare_attempt().

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/file_system.h"
#include "experiments/plan.h"
#include "experiments/store_layout.h"
#include "orchestrator/wire.h"

namespace resolute::orchestrator {

struct WorkerCommands {
  std::vector<std::string> worker;    //!< resolute-worker: shards, seals, and what no external worker takes
  std::vector<std::string> external;  //!< of the suite, for trainings and evaluations; empty: none
  std::map<std::string, std::filesystem::path> raw_roots;  //!< pack name → folder of its raw images
  int checkpoint_every = 0;                                //!< steps; 0 leaves it to the worker
};

//! Where the process ranks of a gang find each other.
struct Rendezvous {
  std::string host;
  int port = 0;
  std::string prefix;  //!< keys of this attempt's store begin with it
};

//! The command of one process rank. `rendezvous` is nullptr for a job of one rank.
RankCommand rank_command(const experiments::StoreLayout& store, const experiments::PlannedJob& job, int attempt,
                         int process_rank, const Rendezvous* rendezvous, const WorkerCommands& commands);

//! Writes spec.json (atomic; left alone if it says the same) and makes the attempt's folder.
void prepare_attempt(core::FileSystem& files, const experiments::StoreLayout& store, const experiments::PlannedJob& job,
                     int attempt);

//! \throws RuntimeError (kInput) unless the command's program is there and may be executed
void require_program(const std::vector<std::string>& command);

}  // namespace resolute::orchestrator
