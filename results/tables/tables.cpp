#include "results/tables/tables.h"

#include "results/tables/table_csv.h"
#include "results/tables/table_json.h"
#include "results/tables/table_latex.h"
#include "results/tables/table_markdown.h"

namespace resolute::results {
namespace {

void write_if_changed(core::FileSystem& files, const std::filesystem::path& path, const std::string& text) {
  if (core::read_text_if_exists(files, path) == text) return;
  core::write_atomic(files, path, std::string_view(text));
}

}  // namespace

void write_tables(core::FileSystem& files, const std::filesystem::path& folder, const SuiteTables& tables) {
  write_if_changed(files, folder / "all.md", to_markdown(tables));
  write_if_changed(files, folder / "all.csv", to_csv(tables));
  write_if_changed(files, folder / "all.tex", to_latex(tables));
  write_if_changed(files, folder / "tables.json", core::canonical_json(to_json(tables)) + "\n");
}

}  // namespace resolute::results
