#pragma once
//! \file
//! Packs the small files of a suite's finished jobs into bundles (experiments/store/bundle.h), and unpacks them.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "experiments/specification/plan.h"
#include "experiments/store/store_layout.h"

namespace resolute::operations {

struct CompactOptions {
  bool dry_run = false;  //!< look, and change nothing
  //! Called now and then with the jobs that are done with, of all finished ones.
  std::function<void(std::size_t done, std::size_t all)> progress{};
  std::uint64_t bundle_bytes = std::uint64_t{64} << 20;  //!< of files, after which another bundle is begun
};

struct CompactReport {
  std::int64_t finished = 0;  //!< jobs with a result
  std::int64_t jobs = 0;      //!< of them, those that had something to be packed or unpacked
  std::int64_t files = 0;     //!< packed and removed, or written again
  std::int64_t folders = 0;   //!< removed
  std::int64_t bytes = 0;     //!< of the files
  std::int64_t held = 0;      //!< jobs left alone: a run has a claim on them, or their folder is away
  std::int64_t kept = 0;      //!< files left: larger than 16 MiB, foreign, changed meanwhile, or in a closed folder
  std::vector<std::string> bundles{};            //!< made, or unpacked and removed
  std::map<std::string, std::string> damaged{};  //!< bundles that stay since not all of them can be unpacked, and why
};

//! Packs the files of each of the plan's jobs that has a result and that no run holds: those that its attempts have
//! left and, for an evaluation, spec.json. They go into a bundle, and are removed once it is on the disk; an empty
//! folder of checkpoints goes too. A process that is killed in between leaves files that stand in both. Runs may be at
//! work; of compact() and unpack() one works on a store at a time, and another waits (trash.h). \throws RuntimeError of
//! the store; kTransient as Taking does
CompactReport compact(core::FileSystem& files, const experiments::StoreLayout& store, const experiments::Plan& plan,
                      const CompactOptions& options);

//! The same of jobs by id, each with its kind_name().
CompactReport compact(core::FileSystem& files, const experiments::StoreLayout& store, const std::string& suite,
                      const std::map<std::string, std::string>& jobs, const CompactOptions& options);
//! Counts what was done of another suite too.
void add(CompactReport& to, const CompactReport& one);

//! Writes the files of all bundles of the suite, or of the whole store, again where they stood, unless something stands
//! there, and removes the bundles. One that has files of a job that a run holds, or whose folder is not there, stays.
//! \throws RuntimeError as compact(); kCorrupt for a bundle that is damaged
CompactReport unpack(core::FileSystem& files, const experiments::StoreLayout& store,
                     const std::optional<std::string>& suite, const CompactOptions& options);

}  // namespace resolute::operations
