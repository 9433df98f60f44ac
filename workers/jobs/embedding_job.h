#pragma once
//! \file
//! `resolute-worker embed`: features of anybody's images by a finished training's networks, as its evaluations compute
//! them (docs/inside/worker.md, "embed").

#include <filesystem>

#include "core/files/file_system.h"
#include "workers/jobs/job.h"

namespace resolute::workers {

struct EmbeddingRequest {
  JobOptions ranks;             //!< `job` is the training; checkpoints and evaluations on the way mean nothing here
  std::filesystem::path list;   //!< docs/inside/formats/image_list.md; no image of it is of the subset train
  std::filesystem::path root;   //!< where the list's paths lead from
  std::filesystem::path out;    //!< docs/inside/formats/features.md, with paths
  bool cameras = true;          //!< false: those of the list mean nothing and are left out
  bool flip = false;            //!< EmbeddingOptions::flip
  bool fill_truncated = false;  //!< JPEGs whose data end early are filled, not refused
};

//! Embeds the list's images on all process ranks and writes `out`, whole or not at all: process rank 0 does. The same
//! bytes for any number of ranks.
//! \throws RuntimeError: kInput for a list or an image that cannot be read, a training that has no result, a method
//! that compares pairs of images where there is no query; kCorrupt for damaged weights; kInterrupted after SIGTERM or
//! SIGUSR1, nothing is written then; kTransient for a lost process rank
void run_embedding(core::FileSystem& files, const EmbeddingRequest& request);

}  // namespace resolute::workers
