#pragma once
//! \file
//! Jobs that are in a store: their specifications, and which of them begin with some digits.

#include <optional>
#include <set>
#include <string>

#include "core/files/file_system.h"
#include "experiments/store/store_layout.h"

namespace resolute::experiments {

//! The job's spec.json, read, validated and held against its id; nothing if there is none.
//! \throws RuntimeError: kInput if it is no specification that this program reads; kCorrupt if its hash is not the
//! job's id
std::optional<JobSpecification> read_stored_specification(core::FileSystem& files, const StoreLayout& store,
                                                          const JobId& job);

//! Ids of the jobs that have a folder in the store and begin with `digits`, two or more.
std::set<std::string> stored_ids(core::FileSystem& files, const StoreLayout& store, const std::string& digits);

//! The one of the ids that begin with `digits`. \throws RuntimeError (kInput): `none`; several, of which some are
//! listed
JobId only_id(const std::set<std::string>& ids, const std::string& digits, const core::RuntimeError& none);

}  // namespace resolute::experiments
