#pragma once
//! \file
//! A training or an evaluation of a store, from its spec.json to its result.json (docs/inside/worker.md).

#include <memory>

#include "core/files/file_system.h"
#include "datasets/pack/pack.h"
#include "datasets/split/split.h"
#include "experiments/specification/specification.h"
#include "experiments/store/store_layout.h"
#include "results/records/record.h"
#include "workers/ddp/communicator.h"
#include "workers/ddp/gloo.h"
#include "workers/device/device.h"
#include "workers/rank/job_options.h"
#include "workers/rank/progress_pipe.h"

namespace resolute::workers {

//! The parts that both kinds of job work with.
struct JobContext {
  core::FileSystem& files;
  const JobOptions& options;
  experiments::StoreLayout store;
  experiments::JobId job;
  ProgressPipe& progress;
  Communicator* communicator;    //!< null for a single process
  Device& device;                //!< a training's; the CPU for an evaluation
  std::filesystem::path staged;  //!< an evaluation's files, until they are published
};

//! The device on which a training's networks compute, as its precision asks for. \param device of the training or of an
//! evaluation \throws as open_device() by name
std::unique_ptr<Device> open_device(const experiments::TrainingSpecification& training, settings::Device device,
                                    int process_rank);

//! The sealed pack of these settings. \throws RuntimeError (kInput) for a pack of other settings under their name,
//! which can be given by hand; else as PackReader::open()
datasets::PackReader open_pack(const JobContext& context, const experiments::PackSettings& settings);

//! The packs and splits that a training learns from, as one. It stays where it was made: `split` is of `pack`.
struct TrainingData {
  datasets::PackReader pack;
  datasets::Split split;
  std::string split_sha256;                         //!< of the first set's own
  std::vector<results::JoinedProvenance> joined{};  //!< of the others
};
//! \throws as open_pack(), make_split() and joined_split()
TrainingData open_training_data(const JobContext& context, const experiments::TrainingSpecification& training);

//! Brings the process ranks of the options together; null for one alone. \throws RuntimeError: kInput for several
//! without a rendezvous; kTransient if one does not come; kEnvironment as Device::connect()
std::unique_ptr<Communicator> connect_ranks(const JobOptions& options, Device& device);

//! Trains, or goes on from the newest usable checkpoint, and writes the weights file beside where result.json will
//! stand. Process rank 0's record is the job's; the others' name no weights. \throws RuntimeError: kInterrupted once a
//! checkpoint is on disk; else as Trainer, PackSource and CheckpointFolder
results::TrainingRecord run_training(const JobContext& context,
                                     const experiments::TrainingSpecification& specification);

//! A finished training needs its checkpoints no more, unless a longer one is to go on from the last: then that one is
//! noted (kept_states.h). Failing to do so is no error.
void leave_checkpoints(const JobContext& context, const experiments::TrainingSpecification& specification);

//! Embeds and scores with the weights of a finished training; writes features.h5 beside where result.json will stand.
//! \throws RuntimeError: kInput if the training has no result yet; kCorrupt if its weights are not those it published
results::EvaluationRecord run_evaluation(const JobContext& context,
                                         const experiments::EvaluationSpecification& specification);

//! Runs the job unless it has a result already; returns once result.json is published.
//! \throws RuntimeError; kInput for a job that builds a pack (workers/packs/pack_job.h); kInterrupted after SIGTERM or
//! SIGUSR1, a training's checkpoint then is on disk
void run_job(core::FileSystem& files, const JobOptions& options);

}  // namespace resolute::workers
