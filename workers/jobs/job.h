#pragma once
//! \file
//! One job of a store, from its spec.json to its result.json (docs/worker.md).

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "core/files/file_system.h"
#include "experiments/specification/specification.h"
#include "experiments/store/store_layout.h"
#include "workers/ddp/communicator.h"
#include "workers/ddp/gloo.h"
#include "workers/device/device.h"
#include "workers/training/progress_pipe.h"

namespace resolute::workers {

//! What the command line says.
struct JobOptions {
  std::filesystem::path store;
  std::string job;  //!< id, 64 hexadecimal digits
  int attempt = 1;  //!< from 1; names the folder of metrics.jsonl
  int process_rank = 0;
  int process_ranks = 1;                 //!< above 1 only for a training, whose lanes it divides
  std::optional<Rendezvous> rendezvous;  //!< needed where process_ranks > 1
  std::filesystem::path raw_root;        //!< raw images of a shard; empty: the store's own of a synthetic data set
  int threads = 1;                       //!< of this rank, part of the numeric class
  std::uint64_t checkpoint_every = 100;  //!< steps
  std::uint64_t evaluate_every = 0;      //!< epochs between evaluations during a training; 0: none
  bool keep_graphs = true;               //!< TrainerOptions::keep_graphs
  int progress_descriptor = -1;
};

//! What each kind of job works with.
struct JobContext {
  core::FileSystem& files;
  const JobOptions& options;
  experiments::StoreLayout store;
  experiments::JobId job;
  ProgressPipe& progress;
  Communicator* communicator;  //!< null for a single process
  Device& device;              //!< a training's; the CPU for every other kind
};

//! \throws RuntimeError (kInput) for options that no job can have
void check(const JobOptions& options);

//! Brings the process ranks of the options together; null for one alone. \throws RuntimeError: kInput for several
//! without a rendezvous; kTransient if one does not come; kEnvironment as Device::connect()
std::unique_ptr<Communicator> connect_ranks(const JobOptions& options, Device& device);

//! Runs the job unless it has a result already; returns once result.json is published.
//! \throws RuntimeError; kInterrupted after SIGTERM or SIGUSR1, a training's checkpoint then is on disk
void run_job(core::FileSystem& files, const JobOptions& options);

//! The specification of a job as its spec.json has it. \throws RuntimeError: kInput if there is none or it is not
//! valid; kCorrupt if its hash is not the job's id
experiments::JobSpecification read_specification(core::FileSystem& files, const experiments::StoreLayout& store,
                                                 const experiments::JobId& job);

}  // namespace resolute::workers
