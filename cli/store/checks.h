#pragma once
//! \file
//! Every hash that a store keeps, held against the bytes that it is of.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "experiments/store/store_layout.h"

namespace resolute::cli {

struct Damage {
  std::string path;  //!< below the store
  std::string what;  //!< PROBLEM (WHY); SUGGESTION
};

//! A piece of the work. Pieces may be done at once.
struct Check {
  std::string path;         //!< of the file or folder, below the store
  std::uint64_t bytes = 0;  //!< that it reads, about
  std::function<std::vector<Damage>()> run;
};

//! Of packs (pack.json, manifest, shards), jobs (specification, result and every file that it names, kept features,
//! checkpoints), suites (plans, journals, snapshots), bundles and imported weights. Each file is read once. The checks
//! throw nothing for what they find, be it that something cannot be read; files and store must outlive them
std::vector<Check> checks_of(core::FileSystem& files, const experiments::StoreLayout& store);

}  // namespace resolute::cli
