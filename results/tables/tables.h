#pragma once
//! \file
//! The tables of a suite as files.

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "core/files/file_system.h"
#include "results/tables/aggregation.h"

namespace resolute::results {

//! all.md, all.csv, all.tex and tables.json (canonical JSON of to_json() and a line end): name and text.
std::vector<std::pair<std::string, std::string>> table_files(const SuiteTables& tables);

//! Writes table_files() into `folder`, each whole or not at all; a file that stands there with the same bytes is left
//! alone. The bytes depend on the tables alone. \throws core::RuntimeError of the file system
void write_tables(core::FileSystem& files, const std::filesystem::path& folder, const SuiteTables& tables);

}  // namespace resolute::results
