#include "results/exports/sqlite_export.h"

#include <fmt/ranges.h>
#include <sqlite3.h>

#include <memory>
#include <optional>

#include "core/error.h"
#include "core/files/new_folder.h"
#include "core/overloaded.h"

namespace resolute::results {
namespace {

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
};
struct EndStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, EndStatement>;

std::string quoted(std::string_view name) { return fmt::format("\"{}\"", name); }

std::string create_text(const Relation& relation) {
  std::string text = fmt::format("CREATE TABLE {} (", quoted(relation.name)), key;
  for (std::size_t i = 0; i < relation.columns.size(); ++i) {
    const Column& column = relation.columns[i];
    text +=
        fmt::format("{} {}{}", quoted(column.name), settings::word(column.type), column.optional ? "" : " NOT NULL");
    if (!column.of.empty()) {
      const std::size_t dot = column.of.find('.');
      text += fmt::format(" REFERENCES {}({})", quoted(column.of.substr(0, dot)), quoted(column.of.substr(dot + 1)));
    }
    text += ", ";
    if (i < relation.key) key += (i > 0 ? ", " : "") + quoted(column.name);
  }
  return text + fmt::format("PRIMARY KEY ({})) WITHOUT ROWID", key);
}

// The file is new and nobody else's, and many file systems of clusters have no locks.
constexpr const char* kWithoutLocks = "unix-none";

// One database that is being made, in one transaction. Nothing is journalled: half of it is removed, not mended.
class SqliteFile final : public RelationSink {
 public:
  explicit SqliteFile(const fs::path& path) : path_(path) {
    sqlite3* database = nullptr;
    const int code = sqlite3_open_v2(path.c_str(), &database,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, kWithoutLocks);
    database_.reset(database);
    check(code);
    run(
        fmt::format("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA application_id = {}; "
                    "PRAGMA user_version = {}; BEGIN",
                    kSqliteApplicationId, kExportVersion));
  }

  void begin(const Relation& relation) override {
    run(create_text(relation));
    std::vector<std::string> places(relation.columns.size(), "?");
    const std::string insert =
        fmt::format("INSERT INTO {} VALUES ({})", quoted(relation.name), fmt::join(places, ", "));
    sqlite3_stmt* statement = nullptr;
    check(sqlite3_prepare_v2(database_.get(), insert.c_str(), -1, &statement, nullptr));
    insert_.reset(statement);
    rows_.emplace_back(relation.name, 0);
  }
  void row(std::span<const FieldValue> fields) override {
    int place = 0;
    for (const FieldValue& field : fields) {
      ++place;
      check(std::visit(
          core::Overloaded{[&](std::monostate) { return sqlite3_bind_null(insert_.get(), place); },
                           [&](std::int64_t number) { return sqlite3_bind_int64(insert_.get(), place, number); },
                           [&](double number) { return sqlite3_bind_double(insert_.get(), place, number); },
                           [&](const std::string& text) {
                             return sqlite3_bind_text64(insert_.get(), place, text.data(), text.size(), SQLITE_STATIC,
                                                        SQLITE_UTF8);
                           }},
          field));
    }
    if (const int code = sqlite3_step(insert_.get()); code != SQLITE_DONE) check(code);
    check(sqlite3_reset(insert_.get()));
    ++rows_.back().second;
  }
  void end() override { insert_.reset(); }

  void commit() {
    run("COMMIT");
    check(sqlite3_close(database_.release()));
  }

  const RowsOfTables& rows() const { return rows_; }

 private:
  void run(const std::string& text) { check(sqlite3_exec(database_.get(), text.c_str(), nullptr, nullptr, nullptr)); }
  void check(int code) const {
    if (code == SQLITE_OK) return;
    const std::string problem = fmt::format("cannot write '{}': {}", path_.string(), sqlite3_errstr(code));
    const int number = database_ ? sqlite3_system_errno(database_.get()) : 0;
    if (number != 0) throw core::system_error(problem, number);
    throw core::RuntimeError(core::ErrorKind::kEnvironment, problem, database_ ? sqlite3_errmsg(database_.get()) : "");
  }

  fs::path path_;
  RowsOfTables rows_;
  std::unique_ptr<sqlite3, CloseDatabase> database_;
  Statement insert_;  // of the relation that is being written; ends before the database
};

// The first column of a query's first row. Nothing where SQLite cannot read it.
std::optional<std::string> first_answer(sqlite3* database, const std::string& query) {
  sqlite3_stmt* prepared = nullptr;
  if (sqlite3_prepare_v2(database, query.c_str(), -1, &prepared, nullptr) != SQLITE_OK) return std::nullopt;
  const Statement statement(prepared);
  if (sqlite3_step(prepared) != SQLITE_ROW) return std::nullopt;
  const unsigned char* text = sqlite3_column_text(prepared, 0);
  return text == nullptr ? std::nullopt : std::optional(std::string(reinterpret_cast<const char*>(text)));
}

}  // namespace

void read_again(const fs::path& path, const RowsOfTables& rows) {
  sqlite3* opened = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &opened, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, kWithoutLocks);
  const std::unique_ptr<sqlite3, CloseDatabase> database(opened);
  std::string wrong = code == SQLITE_OK ? "" : sqlite3_errstr(code);
  if (const auto intact = first_answer(opened, "PRAGMA integrity_check"); wrong.empty() && intact != "ok")
    wrong = intact.value_or(sqlite3_errmsg(opened));
  for (const auto& [table, written] : rows)
    if (const auto found =
            first_answer(opened, fmt::format("SELECT count(*) FROM {}", quoted(std::string_view(table))));
        wrong.empty() && found != fmt::to_string(written))
      wrong = fmt::format("table '{}' has {} rows, and {} were written", table, found.value_or("no"), written);
  if (!wrong.empty())
    throw core::RuntimeError(core::ErrorKind::kEnvironment,
                             fmt::format("'{}' does not read as it was written", path.string()), wrong,
                             "write it to another file system");
}

void require_no_pages_beside(core::FileSystem& files, const fs::path& file) {
  for (const char* ending : {"-journal", "-wal"}) {
    const fs::path left = file.string() + ending;
    if (files.exists(left) && files.open_for_read(left)->size() > 0)
      throw core::input_error(
          fmt::format("'{}' cannot be written", file.string()),
          fmt::format("SQLite would take pages of an earlier file for its own, from '{}'", left.string()),
          "end the program that has the earlier file open, and remove what it left");
  }
}

void export_sqlite(const ResultsSource& source, const fs::path& file,
                   const std::function<void(std::size_t)>& progress) {
  require_no_pages_beside(source.files, file);
  core::write_new_file(source.files, file, [&](const fs::path& temporary) {
    SqliteFile database(temporary);
    write_relations(source, database, progress);
    database.commit();
    read_again(temporary, database.rows());
  });
}

}  // namespace resolute::results
