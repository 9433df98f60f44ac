#pragma once
//! \file
//! Options of VPFA: a map of features from low to high resolution, learned behind a finished training (Liu et al.,
//! arXiv 2510.00936, and the authors' code).

#include <vector>

#include "methods/mining.h"
#include "settings/member.h"

namespace resolute::methods {

//! The trunk stands still; each level of resolution below the highest has a map of its own.
struct VpfaOptions {
  static constexpr const char* kMethod = "vpfa";
  static constexpr int kRevision = 1;  //!< raised when the method's arithmetic changes
  std::vector<int> level_rates = {4, 3, 2, 1};
  int hidden = 2048;
  bool operator==(const VpfaOptions&) const = default;

  static void members(auto&& visit) {
    using O = VpfaOptions;
    using namespace settings;
    visit(member("level_rates", &O::level_rates, descending(1, kLargestRate),
                 "the rate of each level of resolution, down to 1; a level below the highest has a map"));
    visit(member("hidden", &O::hidden, between(1, 16384), "width of a map's three hidden layers"));
  }
};

RESOLUTE_METHOD(VpfaOptions)

}  // namespace resolute::methods
