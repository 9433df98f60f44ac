#pragma once
//! \file
//! A suite with its results in one file, of which tables, exports and pages are made again on any machine
//! (docs/inside/formats/suite_bundle.md).

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "results/exports/relations.h"

namespace resolute::results {

//! The contents of a bundle besides a store's files.
struct BundleRequest {
  std::string suite_text;              //!< the suite's TOML
  std::vector<std::string> arguments;  //!< what to give beside suite and store, as "--profile", "long"
  std::string plan_file, plan_text;    //!< experiments::TypedPlan::plan, and what stands in it
  std::string table_command;           //!< the same as a line for a shell, to be run in the unpacked folder
  //! The papers' numbers, ours and the user's: text by file name; empty where there are none.
  std::map<std::string, std::string> references;
  bool features = true;  //!< features.h5 too, by far the largest files
};

struct BundleSummary {
  std::size_t files = 0;
  std::uint64_t bytes = 0;  //!< of the files, before the archive deflates some
  std::size_t jobs = 0;     //!< that are done, of
  std::size_t all_jobs = 0;
  bool complete = false;  //!< every cell of every table is, or is not applicable
};

//! Writes `file`, whole or not at all, where nothing stands: the suite, its tables, and of each job that is done
//! specification, result, outputs and what it logged; pack.json and manifest.json of the packs. Not weights,
//! checkpoints, images and what workers said. Its bytes depend on the request and the store alone.
//! \param progress called with bytes read of all, may be empty
//! \throws core::RuntimeError: kInput where no job is done; kCorrupt where an output is not the one that its result
//! names; as write_new_file(), aggregate() and provenance_of()
BundleSummary write_suite_bundle(const ResultsSource& source, const BundleRequest& request,
                                 const std::filesystem::path& file,
                                 const std::function<void(std::uint64_t done, std::uint64_t all)>& progress = {});

}  // namespace resolute::results
