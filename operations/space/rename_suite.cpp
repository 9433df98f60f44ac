#include "operations/space/rename_suite.h"

#include <fmt/format.h>

#include "core/error.h"

namespace resolute::operations {

void require_renamable(core::FileSystem& files, const experiments::StoreLayout& store, const std::string& from,
                       const std::string& to, const experiments::SuiteSource& given) {
  if (!core::is_folder(store.suite_folder(from)))
    throw core::input_error(fmt::format("store '{}' has no suite '{}'", store.root().string(), from), {},
                            "`resolute suite list` names those that it has");
  for (const std::string& name : files.list(store.root() / "suites")) {
    const auto allocation = experiments::allocation_of(to, name);
    if (!allocation) continue;
    // No run notes a text with another name than its suite's: a renaming has noted this one, and was killed later.
    const bool moved_before = *allocation > 1 &&
                              !core::is_folder(store.suite_folder(experiments::run_name(from, *allocation))) &&
                              experiments::is_noted(files, store, from, given);
    if (!moved_before)
      throw core::input_error(fmt::format("the store has a suite '{}' already", to),
                              fmt::format("'{}' is there", store.suite_folder(name).string()),
                              "choose another name, or give that suite another one first");
  }
}

void rename_suite(core::FileSystem& files, const experiments::StoreLayout& store, const std::string& from,
                  const std::string& to, const experiments::SuiteSource& given) {
  require_renamable(files, store, from, to, given);
  experiments::note_source(files, store, from, given);
  const fs::path suites = store.root() / "suites";
  for (const std::string& name : files.list(suites)) {
    const auto allocation = experiments::allocation_of(from, name);
    if (allocation && *allocation > 1) files.rename(suites / name, suites / experiments::run_name(to, *allocation));
  }
  files.sync_path(suites);
  files.rename(store.suite_folder(from), store.suite_folder(to));
  files.sync_path(suites);
}

}  // namespace resolute::operations
