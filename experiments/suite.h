#pragma once
//! \file
//! Reads a suite file, the TOML that describes a paper's tables (docs/suite.md), and makes a plan of it.
//!
//!     core::FileSystem& files = core::real_file_system();
//!     SuiteOptions options;
//!     options.store = "store";
//!     Plan plan = read_suite(files, "quickstart.toml", options);

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/files/file_system.h"
#include "experiments/specification/plan.h"

namespace resolute::experiments {

struct SuiteOptions : PlanOptions {
  std::filesystem::path store;                            //!< what ${STORE} stands for; imported weights lie in it
  std::string profile;                                    //!< a [profiles.NAME] to lay over [defaults]; empty: none
  std::vector<std::pair<std::string, std::string>> sets;  //!< --set KEY=VALUE: dotted key, TOML value or bare word
  std::map<std::string, std::string> environment;         //!< where ${VARIABLE} is looked up
  std::filesystem::path reference_file;  //!< the papers' numbers; empty: find_reference_file(files, environment, {})
  bool stand_ins = false;                //!< use stand-ins for all data sets, whatever suite and profile say
  //! The columns to make, whatever the profile says; empty: those of the profile, or all
  std::vector<std::string> datasets{};
  std::filesystem::path relative_to{};  //!< what relative roots are relative to; empty: the suite's own folder
};

//! "KEY=VALUE" at its first '='. \throws RuntimeError (kInput) without one or with an empty key
std::pair<std::string, std::string> parse_assignment(const std::string& text);

//! The file of the papers' numbers. If the variable is set: $RESOLUTE_DATA_DIR/reference/papers.toml. Else the first
//! that exists of EXECUTABLE_FOLDER/../share/resolute/reference/papers.toml and the file in the sources; the latter if
//! neither exists. \param executable_folder folder of the running program; empty leaves that place out
std::filesystem::path find_reference_file(core::FileSystem& files,
                                          const std::map<std::string, std::string>& environment,
                                          const std::filesystem::path& executable_folder);

//! The user's reference files: all `*.toml` in the folder `reference` beside a suite, sorted by name, but for those
//! that have the name of a file of ours there (papers.toml, step_times.toml), which an unpacked bundle has. \param
//! folder of the suite
std::vector<std::filesystem::path> reference_files_beside(core::FileSystem& files, const std::filesystem::path& folder);

//! Reads, checks and plans a suite with all that it includes. Each row × data set × trial becomes a training and an
//! evaluation, each data set in use its shards and its seal; equal jobs are one. Every specification has passed
//! validate(). \throws RuntimeError (kInput) opening with `FILE:LINE:COLUMN: key 'x'` (or `--set x: key 'x'`) for
//! whatever is wrong
Plan read_suite(core::FileSystem& files, const std::filesystem::path& path, const SuiteOptions& options);

}  // namespace resolute::experiments
