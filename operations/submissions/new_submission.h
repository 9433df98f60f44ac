#pragma once
//! \file
//! A new submission in the store, after those that have ended.

#include <filesystem>
#include <functional>
#include <string>

#include "operations/submissions/standing.h"

namespace resolute::operations {

//! Writes a submission. If several processes call this at once, one writes and the others get the same. `after-TOKEN`
//! beside a submission's folder names, once and for all, the submission that comes next. \param request_of with a token
//! that was drawn \throws RuntimeError as create_submission() and open_submissions(); kCorrupt for a link that names no
//! submission; kTransient if the store does not list one that another machine has made
Standing create_after_others(core::FileSystem& files, slurm::Client& client, const slurm::Effects& effects,
                             const std::filesystem::path& suite_folder, const std::string& suite_text,
                             const std::function<slurm::SubmissionRequest(const std::string& token)>& request_of);

}  // namespace resolute::operations
