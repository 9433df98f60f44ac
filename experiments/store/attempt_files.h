#pragma once
//! \file
//! Files that the attempts of a job have left in its folder.

#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "core/files/file_system.h"
#include "experiments/store/store_layout.h"

namespace resolute::experiments {

//! Numbers of the attempts that have left something. A missing folder has none. \throws RuntimeError of the file system
std::set<int> stored_attempts(core::FileSystem& files, const std::filesystem::path& job_folder);

//! Files of one stream of an attempt, by process rank; a rank that wrote nothing has none.
//! \param stream "stdout" or "stderr"
std::map<int, std::filesystem::path> stored_rank_files(core::FileSystem& files, const StoreLayout& store,
                                                       const JobId& job, int attempt, const std::string& stream);

}  // namespace resolute::experiments
