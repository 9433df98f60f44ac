#include "results/tables/tables.h"

namespace resolute::results {
namespace {

void write_if_changed(core::FileSystem& files, const std::filesystem::path& path, const std::string& text) {
  if (core::read_text_if_exists(files, path) == text) return;
  core::write_atomic(files, path, std::string_view(text));
}

}  // namespace

std::vector<std::pair<std::string, std::string>> table_files(const SuiteTables& tables) {
  return {{"all.md", to_markdown(tables)},
          {"all.csv", to_csv(tables)},
          {"all.tex", to_latex(tables)},
          {"tables.json", core::canonical_json(to_json(tables)) + "\n"}};
}

void write_tables(core::FileSystem& files, const std::filesystem::path& folder, const SuiteTables& tables) {
  for (const auto& [name, text] : table_files(tables)) write_if_changed(files, folder / name, text);
}

}  // namespace resolute::results
