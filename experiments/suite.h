#pragma once
//! \file
//! A suite file, the TOML that describes a paper's tables (docs/suite.md), worked out into a plan.
//!
//!     core::FileSystem& files = core::real_file_system();
//!     Plan plan = read_suite(files, "quickstart.toml", {.store = "store", .environment =
//!     core::current_environment()});

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/files/file_system.h"
#include "experiments/specification/plan.h"

namespace resolute::experiments {

struct SuiteOptions {
  std::filesystem::path store;                            //!< what ${STORE} stands for; holds the weights of a name
  std::string profile;                                    //!< a [profiles.NAME] to lay over [defaults]; empty: none
  std::vector<std::pair<std::string, std::string>> sets;  //!< --set KEY=VALUE: dotted key, TOML value or bare word
  std::map<std::string, std::string> environment;         //!< where ${VARIABLE} is looked up
  bool from_scratch = false;             //!< train from scratch though weights are asked for; marked in Plan::notes
  std::filesystem::path reference_file;  //!< the papers' numbers; empty: find_reference_file(files, environment, {})
  //! Whether raw images must be named and there, and the files of initial weights. Without it (`suite status`, `suite
  //! table`: nothing reads them) a root whose variable is not set is empty.
  bool need_roots = true;
  //! `suite plan`: what can only be known from what is not here is estimated or left open and told of: training images
  //! (specification/estimated_split.h), weights that the store does not have. Jobs that hang on it are provisional.
  bool estimate = false;
  //! For rows that speak of epochs; without it they are refused. Suites that do not never call it.
  TrainingImages training_images{};
  bool stand_ins = false;  //!< made-up images in the place of each source's, whatever suite and profile say
  std::vector<std::string> datasets{};  //!< the columns to make, whatever the profile says; empty: as it says, or all
  bool with_references = false;         //!< the papers' numbers beside stand-ins too; changes no job
  std::filesystem::path relative_to{};  //!< what relative roots are relative to; empty: the suite's own folder
};

//! "KEY=VALUE" at its first '='. \throws RuntimeError (kInput) without one or with an empty key
std::pair<std::string, std::string> parse_assignment(const std::string& text);

//! The first that exists of $RESOLUTE_DATA_DIR/reference/papers.toml (which, where the variable is set, is the only one
//! looked at), EXECUTABLE_FOLDER/../share/resolute/reference/papers.toml and the one in the sources; the last if none
//! does. \param executable_folder where the running program lies; empty leaves that place out
std::filesystem::path find_reference_file(core::FileSystem& files,
                                          const std::map<std::string, std::string>& environment,
                                          const std::filesystem::path& executable_folder);

//! Reads, checks and works out a suite with all that it includes. Each row × data set × trial becomes a training and an
//! evaluation, each data set in use its shards and its seal; equal jobs are one. Every specification has passed
//! validate(). \throws RuntimeError (kInput) opening with `FILE:LINE:COLUMN: key 'x'` (or `--set x: key 'x'`) for
//! whatever is wrong
Plan read_suite(core::FileSystem& files, const std::filesystem::path& path, const SuiteOptions& options);

}  // namespace resolute::experiments
