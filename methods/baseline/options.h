#pragma once
//! \file
//! Options of the baseline: one trunk trained with classification and triplet losses.

#include <string>

namespace resolute::methods {

//! Baseline: one trunk trained with classification and triplet losses.
struct BaselineOptions {
  static constexpr const char* kMethod = "baseline";
  static constexpr int kRevision = 1;  //!< raised when the method's arithmetic changes
  std::string images =
      "hr";  //!< HR images alone (RAIN's table 1), or "stored": each image as the pool has it, HR or LR
  bool classification = true;
  bool triplet = true;
  double margin = 0.3;
  std::string mining = "random";  //!< "random" (literal: one sampled positive and negative), "batch-hard" or "all"
  double classification_weight = 1;
  bool operator==(const BaselineOptions&) const = default;
};

struct Row;
//! The method's row (methods/row.h).
Row row_of(const BaselineOptions& options);

}  // namespace resolute::methods
