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

//! A store with such a run: the shared one, or one made below `scratch`.
inline fs::path undisturbed_store(const ScratchFolder& scratch) {
  if (const auto shared = shared_undisturbed_store()) return *shared;
  run_undisturbed(scratch / "store");
  return scratch / "store";
}

//! The first training that `suite status --json` says is at work and has told its step, and is not `other`; null where
//! there is none. \param steps its length. Other jobs tell theirs too: a slow seal is at step 0 of 1
inline core::Json training_at_work(const core::Json& status, int steps, const std::string& other = "") {
  for (const core::Json& attempt : status.value("running", core::Json::array()))
    if (attempt.at("steps") == steps && !attempt.at("step").is_null() && attempt.at("job") != other) return attempt;
  return nullptr;
}

//! The tables of a run that nobody disturbed: the shared one's, or those of a run made once a program.
inline const std::string& undisturbed_tables() {
  static const std::string kTables = [] {
    const ScratchFolder scratch;
    return tables_of(undisturbed_store(scratch));
  }();
  return kTables;
}

}  // namespace resolute::system_test
