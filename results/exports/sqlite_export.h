#pragma once
//! \file
//! A suite's results as an SQLite file, a table a relation (docs/formats/export.md).

#include <filesystem>
#include <functional>

#include "results/exports/relations.h"

namespace resolute::results {

//! "RSLT": PRAGMA application_id of such a file.
inline constexpr int kSqliteApplicationId = 0x52534c54;

//! Writes `file`, whole or not at all. \param file where nothing stands; its folder is there
//! \throws core::RuntimeError as core::write_new_file() and write_relations(); kEnvironment where SQLite cannot write,
//! with its words and those of the system
void export_sqlite(const ResultsSource& source, const std::filesystem::path& file,
                   const std::function<void(std::size_t done)>& progress = {});

}  // namespace resolute::results
