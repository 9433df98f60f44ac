#pragma once
//! \file
//! The end of a job: its result.json, which the first attempt to finish writes and nobody replaces.

#include "core/files/file_system.h"
#include "experiments/store/store_layout.h"
#include "results/records/record.h"

namespace resolute::workers {

//! Whether an attempt has finished the job already; says so in the log.
bool has_result(core::FileSystem& files, const experiments::StoreLayout& store, const experiments::JobId& job);

//! Publishes the record as the job's result.json, unless another attempt was first. \throws RuntimeError for a disk
//! that is full or fails
void publish_result(core::FileSystem& files, const experiments::StoreLayout& store, const experiments::JobId& job,
                    const results::Record& record);

}  // namespace resolute::workers
