#pragma once
//! \file
//! The commands of `resolute-worker` besides jobs (docs/inside/worker.md), by the program that has libtorch.

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "core/files/json.h"
#include "experiments/store/store_layout.h"
#include "methods/networks/method.h"
#include "workers/device/device.h"
#include "workers/jobs/job.h"

namespace resolute::workers {

//! `burn-in`: the same little training again and again, for bits that are known and for speed. Trains the baseline's
//! ResNet-50 on a batch of drawn images, each time from the beginning, at least twice and at least for so long. \return
//! "digest": of the weights in the end, the same on every sound device of a numeric class; "images_a_minute" of all but
//! the first time; "free_mib" of the device's memory before, 0 on a CPU \throws RuntimeError (kEnvironment) if two
//! times end in different weights; as the Trainer
core::Json burn_in(Device& device, std::chrono::seconds time);

struct EmbeddingRequest {
  JobOptions ranks;             //!< `job` is the training; checkpoints and evaluations on the way mean nothing here
  std::filesystem::path list;   //!< docs/inside/formats/image_list.md; no image of it is of the subset train
  std::filesystem::path root;   //!< where the list's paths lead from
  std::filesystem::path out;    //!< docs/inside/formats/features.md, with paths
  bool cameras = true;          //!< false: those of the list mean nothing and are left out
  bool flip = false;            //!< EmbeddingOptions::flip
  bool fill_truncated = false;  //!< JPEGs whose data end early are filled, not refused
};

//! `embed`: features of anybody's images by a finished training's networks, as its evaluations compute them.
//! Embeds the list's images on all process ranks and writes `out`, whole or not at all: process rank 0 does. The same
//! bytes for any number of ranks.
//! \throws RuntimeError: kInput for a list or an image that cannot be read, a training that has no result, a method
//! that compares pairs of images where there is no query; kCorrupt for damaged weights; kInterrupted after SIGTERM or
//! SIGUSR1, nothing is written then; kTransient for a lost process rank
void run_embedding(core::FileSystem& files, const EmbeddingRequest& request);

//! Writes the network by which a finished training's evaluations embed images (docs/weights.md, "As ONNX"), whole or
//! not at all. \param out ends in .onnx \param side, level as EmbedderOptions \return `job`, `method`, `backbone`,
//! `file`, `sha256`, `height`, `width`, `dimension`, `columns` (Method::row_size()) \throws RuntimeError: kInput if
//! there is no such training, it has no result yet, it is of a method or a precision that has no graph, has not so many
//! levels or tells no sides apart, or the ending is another; kCorrupt if its weights are damaged
core::Json export_onnx(core::FileSystem& files, const experiments::StoreLayout& store, const std::string& job,
                       const std::filesystem::path& out, methods::Side side, int level);

//! `onnx JOB STORE OUT SIDE LEVEL`; SIDE is "high" or "low". The report is one line of JSON on standard output. \throws
//! RuntimeError
void run_onnx_command(core::FileSystem& files, const std::vector<std::string>& arguments);

//! Writes the trunk of a finished training under torchvision's names.
//! \param job the training's id
//! \param out its ending says how: `.safetensors`, or `.pth` and `.pt` for torch.save
//! \return what docs/inside/weights.md lists
//! \throws RuntimeError: kInput if there is no such training, it has no result yet, or the ending is another;
//!         kCorrupt if its weights are damaged
core::Json export_weights(core::FileSystem& files, const experiments::StoreLayout& store, const std::string& job,
                          const std::filesystem::path& out);

//! `weights import FILE STORE NAME BACKBONE PREFIX REPLACE` (PREFIX: "auto", or "=" and the prefix; REPLACE: "replace"
//! or "keep") or `export JOB STORE OUT`. The report is one line of JSON on standard output, also of a file that does
//! not fit. \throws RuntimeError
void run_weights_command(core::FileSystem& files, const std::vector<std::string>& arguments);

}  // namespace resolute::workers
