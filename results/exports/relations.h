#pragma once
//! \file
//! A suite's results as relations: lists of rows with named, typed columns, which CSV files and an SQLite file hold
//! alike (docs/inside/formats/export.md).

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/files/file_system.h"
#include "experiments/specification/plan.h"
#include "experiments/store/store_layout.h"
#include "settings/choice.h"

namespace resolute::results {

//! The version of columns, types and meanings, in CSV files and SQLite files alike.
inline constexpr int kExportVersion = 1;

enum class ColumnType { kText, kInteger, kReal };
//! As SQL has them.
constexpr auto words_of(ColumnType) { return settings::words("TEXT", "INTEGER", "REAL"); }

struct Column {
  std::string_view name;
  ColumnType type = ColumnType::kText;
  bool optional = false;     //!< a row may have none
  std::string_view meaning;  //!< as docs/inside/formats/export.md says it
  std::string_view of;       //!< "jobs.job": each value stands there; empty: any
};

struct Relation {
  std::string_view name;
  std::string_view meaning;
  std::size_t key = 1;  //!< the first so many columns tell a row from all others
  std::vector<Column> columns;
};

//! A value of a row: none, a whole number (of a yes or no 1 or 0), a finite number, a text.
using FieldValue = std::variant<std::monostate, std::int64_t, double, std::string>;

//! Takes relations one after the other, each row by row.
class RelationSink {
 public:
  virtual ~RelationSink() = default;
  virtual void begin(const Relation& relation) = 0;
  //! \param fields one per column
  virtual void row(std::span<const FieldValue> fields) = 0;
  virtual void end() = 0;
};

//! All of them, in the order in which they are written: what a column refers to stands before it.
const std::vector<Relation>& relations();

//! The source of a suite's results. \param files BundledFiles where `resolute suite compact` may have packed logs
struct ResultsSource {
  const experiments::Plan& plan;
  core::FileSystem& files;
  const experiments::StoreLayout& store;
};

//! Writes every relation. Depends on the plan and on the store's files alone; what is not there yet has no rows.
//! Damaged lines of logs are named in the log and left out. \param progress called with jobs done, may be empty
//! \throws core::RuntimeError: as aggregate() and provenance_of(); kCorrupt where a queries.csv is not the one that its
//! result names; what the sink throws
void write_relations(const ResultsSource& source, RelationSink& sink,
                     const std::function<void(std::size_t done)>& progress = {});

}  // namespace resolute::results
