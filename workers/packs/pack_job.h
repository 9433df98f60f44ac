#pragma once
//! \file
//! The jobs that build a pack: its shards, then its seal. Neither needs libtorch.

#include "core/files/file_system.h"
#include "experiments/specification/specification.h"
#include "workers/rank/job_options.h"

namespace resolute::workers {

//! True if the job is a shard or a seal.
bool builds_pack(const experiments::JobSpecification& specification);

//! Writes a shard into the pack's folder (and draws the images of a synthetic data set first, where no other job has),
//! or checks all shards and seals the pack; unless the job has a result already. Returns once result.json is published.
//! \pre the specification is the job's, and one of those
//! \throws RuntimeError: kInput for a bad image or folder, named, or a missing shard; kCorrupt for a damaged one;
//! kEnvironment for a full disk
void run_pack_job(core::FileSystem& files, const JobOptions& options,
                  const experiments::JobSpecification& specification);

}  // namespace resolute::workers
