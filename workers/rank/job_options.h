#pragma once
//! \file
//! The options of the process of one rank, and the job's specification in the store. Needs no libtorch.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "core/files/file_system.h"
#include "experiments/specification/specification.h"
#include "experiments/store/store_layout.h"
#include "workers/ddp/rendezvous.h"
#include "workers/rank/trace_request.h"

namespace resolute::workers {

//! The values of the command line.
struct JobOptions {
  std::filesystem::path store;
  std::string job;  //!< id, 64 hexadecimal digits
  int attempt = 1;  //!< from 1; names the folder of metrics.jsonl
  int process_rank = 0;
  int process_ranks = 1;                 //!< above 1 only for a training, whose lanes it divides
  std::optional<Rendezvous> rendezvous;  //!< needed where process_ranks > 1
  std::filesystem::path raw_root;        //!< raw images of a shard; empty: the store's own of a synthetic data set
  bool follow_links = false;             //!< raw images behind symbolic links are read, not refused
  int threads = 1;                       //!< of this rank, part of the numeric class
  std::uint64_t checkpoint_every = 0;    //!< steps; 0: by the clock
  std::uint64_t evaluate_every = 0;      //!< epochs between evaluations during a training; 0: none
  bool keep_graphs = true;               //!< the forward pass is not run again for each phase: faster, more memory
  bool keep_state = false;               //!< the last checkpoint of a training stays behind its result
  std::string go_on_from;                //!< id of a training that this one is with more steps; empty: none
  bool through_host = false;             //!< gradients of GPUs are exchanged through the host's memory
  bool fused_norm = false;               //!< Device::norm_kernels() compute a training's norms
  std::optional<TraceRequest> trace;     //!< of a training; each rank writes a file
  int progress_descriptor = -1;
};

//! \throws RuntimeError (kInput) for options that no job can have
void check(const JobOptions& options);

//! Several process ranks divide a training's lanes; every other job has one. \throws RuntimeError (kInput)
void check_process_ranks(const JobOptions& options, const experiments::JobSpecification& specification);

//! The specification of a job as its spec.json has it. \throws RuntimeError: kInput if there is none or it is not
//! valid; kCorrupt if its hash is not the job's id
experiments::JobSpecification read_specification(core::FileSystem& files, const experiments::StoreLayout& store,
                                                 const experiments::JobId& job);

}  // namespace resolute::workers
