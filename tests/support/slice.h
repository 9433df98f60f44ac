#pragma once
//! \file
//! The slice of a long list of cases that a commit runs: RESOLUTE_SLICE holds the commit's hash, so that commits run
//! different cases and a case that failed is run again by its commit. Without it all cases run (script/test --all).

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/random.h"

namespace resolute::tests {

//! `count` of the cases in their order, drawn by RESOLUTE_SLICE; all of them where that is unset or empty.
//! \param list names the list, so that lists of one length are drawn apart
inline std::vector<std::string> slice(const std::string& list, std::vector<std::string> cases, std::size_t count) {
  const char* commit = std::getenv("RESOLUTE_SLICE");
  if (commit == nullptr || *commit == '\0') return cases;
  core::RandomStream random(std::string("slice ") + list + " " + commit, {});
  while (cases.size() > count) cases.erase(cases.begin() + static_cast<std::ptrdiff_t>(random.below(cases.size())));
  return cases;
}

}  // namespace resolute::tests
