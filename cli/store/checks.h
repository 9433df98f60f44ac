#pragma once
//! \file
//! Compares every hash that a store keeps with its bytes.

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
  std::uint64_t bytes = 0;  //!< read by it, about
  std::function<std::vector<Damage>()> run;
};

//! Checks packs (pack.json, manifest, shards), jobs (specification, result and every file that it names, kept features,
//! checkpoints), suites (plans, journals, snapshots), bundles and imported weights. Each file is read once. A check
//! returns its findings, also that something cannot be read, and throws none of them; files and store must outlive it
std::vector<Check> checks_of(core::FileSystem& files, const experiments::StoreLayout& store);

}  // namespace resolute::cli
