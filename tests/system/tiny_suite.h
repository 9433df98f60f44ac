#pragma once
//! \file
//! What tiny.toml leaves in a store when nobody disturbs it, for the tests that do.

#include <string>

#include "tests/system/program.h"

namespace resolute::system_test {

//! The bytes of the tables of the tiny suite.
inline std::string tables_of(const fs::path& store) {
  return text_of(store / "suites/tiny/tables/all.md") + text_of(store / "suites/tiny/tables/tables.json");
}

//! The tables of a run that nobody disturbed, made once a program.
inline const std::string& undisturbed_tables() {
  static const std::string kTables = [] {
    ScratchFolder scratch;
    succeeded(resolute({"suite", "run", kTinySuite, "--store", scratch / "store", "--slots", "2"}));
    return tables_of(scratch / "store");
  }();
  return kTables;
}

}  // namespace resolute::system_test
