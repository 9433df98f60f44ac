#pragma once
//! \file
//! The slice of a long list of cases that a commit runs: RESOLUTE_SLICE holds the commit's hash, so that commits run
//! different cases and a case that failed is run again by its commit. Without it all cases run (script/test --all).

#include <cstddef>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/random/random.h"

namespace resolute::tests {

//! The commit whose slice runs; empty where all cases run. Part of the name of a random stream that a slice draws from.
inline std::string slice_commit() {
  const char* commit = std::getenv("RESOLUTE_SLICE");
  return commit == nullptr ? "" : commit;
}

//! `count` of the cases in their order, drawn by RESOLUTE_SLICE; all of them where that is unset or empty.
//! \param list names the list, so that lists of one length are drawn apart
template <class Case>
std::vector<Case> slice(const std::string& list, std::vector<Case> cases, std::size_t count) {
  const std::string commit = slice_commit();
  if (commit.empty()) return cases;
  core::RandomStream random("slice " + list + " " + commit, {});
  while (cases.size() > count) cases.erase(cases.begin() + static_cast<std::ptrdiff_t>(random.below(cases.size())));
  return cases;
}

}  // namespace resolute::tests
