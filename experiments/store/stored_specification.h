#pragma once
//! \file
//! The specification of a job that is in a store.

#include <optional>

#include "core/files/file_system.h"
#include "experiments/store/store_layout.h"

namespace resolute::experiments {

//! The job's spec.json, read and held against its id, not validated; nothing if there is none.
//! \throws RuntimeError: kInput if it is no specification that this program reads; kCorrupt if its hash is not the
//! job's id
std::optional<JobSpecification> read_stored_specification(core::FileSystem& files, const StoreLayout& store,
                                                          const JobId& job);

}  // namespace resolute::experiments
