#pragma once
//! \file
//! `resolute-worker split`: the split of a job's trial for workers that are not this program (docs/inside/worker.md).

#include <filesystem>

#include "core/files/file_system.h"
#include "experiments/store/store_layout.h"

namespace resolute::workers {

//! Writes `split-SEED.json` (docs/inside/formats/manifest.md) into `folder`: of a training or an evaluation, whose pack
//! is in the store, with the evaluation's own query rates where it asks for others, and as many gallery draws as it
//! compares (a training: none). \return the file \throws RuntimeError: kInput if there is no such job, it has no split,
//! or its pack is not there; kCorrupt if that is
//!         damaged
std::filesystem::path export_split_of_job(core::FileSystem& files, const experiments::StoreLayout& store,
                                          const experiments::JobId& job, const std::filesystem::path& folder);

}  // namespace resolute::workers
