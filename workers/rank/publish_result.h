#pragma once
//! \file
//! The end of a job: its result.json, which the first attempt to finish writes and nobody replaces, and beside it the
//! files that it names.
//!
//! Two attempts of one job, on machines of two numeric classes, make other bytes. So each writes its files into a
//! folder of its own, `staged-TOKEN`, its record last. The file `publishing`, made by link(), names the folder that
//! counts: its files go where they belong, then its record. A process that finds `publishing` without a result does
//! that too, so a kill at any moment is made good by the next attempt. Once there is a result all such folders are
//! removed: an attempt that is still writing then ends with an error, of a job that is done.

#include <filesystem>

#include "core/files/file_system.h"
#include "experiments/store/store_layout.h"
#include "results/records/record.h"

namespace resolute::workers {

//! True where an attempt has finished the job already; says so in the log. Ends what a killed one has begun to publish.
bool has_result(core::FileSystem& files, const experiments::StoreLayout& store, const experiments::JobId& job);

//! Publishes the record as the job's result.json, unless another attempt was first. \throws RuntimeError for a disk
//! that is full or fails
void publish_result(core::FileSystem& files, const experiments::StoreLayout& store, const experiments::JobId& job,
                    const results::Record& record);

//! A folder of the job's for one attempt, not there yet.
std::filesystem::path staging_folder(const experiments::StoreLayout& store, const experiments::JobId& job);

//! Does as publish_result() for an evaluation whose features and outputs stand in `staged`. They come to their places
//! unless another attempt was first; the folder goes in any case. \throws RuntimeError as publish_result()
void publish_staged(core::FileSystem& files, const experiments::StoreLayout& store, const std::filesystem::path& staged,
                    const results::EvaluationRecord& record);

}  // namespace resolute::workers
