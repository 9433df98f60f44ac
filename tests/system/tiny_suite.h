#pragma once
//! \file
//! What tiny.toml leaves in a store when nobody disturbs it, for the tests that do.

#include <cstdlib>
#include <optional>
#include <string>

#include "tests/system/program.h"

namespace resolute::system_test {

//! The bytes of the tables of the tiny suite.
inline std::string tables_of(const fs::path& store) {
  return text_of(store / "suites/tiny/tables/all.md") + text_of(store / "suites/tiny/tables/tables.json");
}

//! Runs the suite in a store, all of it, with nobody to disturb it.
inline void run_undisturbed(const fs::path& store) {
  succeeded(resolute({"suite", "run", kTinySuite, "--store", store, "--slots", "2"}));
}

//! Where suite/undisturbed_test leaves such a run for all programs of a ctest; nothing outside of ctest.
inline std::optional<fs::path> shared_undisturbed_store() {
  const char* store = std::getenv("RESOLUTE_UNDISTURBED_STORE");
  return store != nullptr ? std::optional<fs::path>(store) : std::nullopt;
}

//! The tables of a run that nobody disturbed: the shared one's, or those of a run made once a program.
inline const std::string& undisturbed_tables() {
  static const std::string kTables = [] {
    if (const auto shared = shared_undisturbed_store()) return tables_of(*shared);
    ScratchFolder scratch;
    run_undisturbed(scratch / "store");
    return tables_of(scratch / "store");
  }();
  return kTables;
}

}  // namespace resolute::system_test
