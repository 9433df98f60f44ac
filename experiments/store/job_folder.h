#pragma once
//! \file
//! Folders of jobs in a store: which of them begin with some digits, their specifications, and what attempts have left.

#include <filesystem>
#include <map>
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

//! Numbers of the attempts that have left something. A missing folder has none. \throws RuntimeError of the file system
std::set<int> stored_attempts(core::FileSystem& files, const std::filesystem::path& job_folder);

//! Files of one stream of an attempt, by process rank; a rank that wrote nothing has none.
//! \param stream "stdout" or "stderr"
std::map<int, std::filesystem::path> stored_rank_files(core::FileSystem& files, const StoreLayout& store,
                                                       const JobId& job, int attempt, const std::string& stream);

}  // namespace resolute::experiments
