#pragma once
//! \file
//! A suite's results as CSV files, one a relation (docs/inside/formats/export.md).

#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "results/exports/relations.h"

namespace resolute::results {

//! Makes `folder`, whole or not at all, of NAME.csv for each relation: RFC 4180, lines that end in a line feed, the
//! columns' names first, numbers in the shortest decimals that read back to the same, empty where there is none.
//! \param folder absent or an empty folder \param more texts of other files beside them, by name \throws
//! core::RuntimeError as require_new_folder(), write_relations() and the file system
void export_csv(const ResultsSource& source, const std::filesystem::path& folder,
                const std::map<std::string, std::string>& more = {},
                const std::function<void(std::size_t done)>& progress = {});

}  // namespace resolute::results
