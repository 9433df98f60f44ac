#pragma once
//! \file
//! The jobs that build a pack: its shards, then its seal. Neither needs libtorch.

#include "results/records/record.h"
#include "workers/jobs/job.h"

namespace resolute::workers {

//! Writes one shard into the pack's folder; draws the images of a synthetic data set first, where no other job has.
//! \throws RuntimeError: kInput for a bad image or folder, named; kEnvironment for a full disk
results::ShardRecord run_shard(const JobContext& context, const experiments::ShardSpecification& specification);

//! Checks all shards and seals the pack. \throws RuntimeError: kInput for a missing shard; kCorrupt for a damaged one
results::SealRecord run_seal(const JobContext& context, const experiments::SealSpecification& specification);

}  // namespace resolute::workers
