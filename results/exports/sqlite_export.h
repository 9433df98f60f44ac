#pragma once
//! \file
//! A suite's results as an SQLite file, a table a relation (docs/inside/formats/export.md).

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "results/exports/relations.h"

namespace resolute::results {

//! "RSLT": PRAGMA application_id of such a file.
inline constexpr int kSqliteApplicationId = 0x52534c54;

//! A program that was killed while it had a file open leaves FILE-journal or FILE-wal, and SQLite reads them into
//! whatever file has that name next. \throws core::RuntimeError (kInput) where one is there and is not empty
void require_no_pages_beside(core::FileSystem& files, const std::filesystem::path& file);

//! Writes `file`, whole or not at all. \param file where nothing stands; its folder is there
//! \throws core::RuntimeError as core::write_new_file(), require_no_pages_beside() and write_relations(); kEnvironment
//! where SQLite cannot write, with its words and those of the system
void export_sqlite(const ResultsSource& source, const std::filesystem::path& file,
                   const std::function<void(std::size_t done)>& progress = {});

//! How many rows each table has.
using RowsOfTables = std::vector<std::pair<std::string, std::int64_t>>;
//! A file system that loses or mixes pages must not leave a file that is believed. Rows and structure are looked at; of
//! the letters of long texts SQLite has no checksum. \throws core::RuntimeError (kEnvironment) for a file that SQLite
//! does not find whole, or that has other rows than were written
void read_again(const std::filesystem::path& file, const RowsOfTables& rows);

}  // namespace resolute::results
