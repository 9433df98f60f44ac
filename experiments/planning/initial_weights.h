#pragma once
//! \file
//! The weights that trainings start from, by the names that a suite gives.

#include <map>
#include <set>
#include <string>

#include "experiments/planning/combination.h"
#include "experiments/planning/plan_notes.h"
#include "experiments/store/weights_catalogue.h"

namespace resolute::experiments {

class InitialWeights {
 public:
  InitialWeights(const PlanOptions& options, const WeightsCatalogue& catalogue)
      : options_(options), catalogue_(catalogue) {}

  //! The start of a training: a SHA-256, or "" for from scratch. The specification has passed its checks.
  //! \param facts of its table, which take it up \throws RuntimeError (kInput) with the place of `weights`
  std::string find(const Combination& combination, const Draft& draft, TableFacts& facts);
  //! Weights that nobody has imported, where a plan may be made without them.
  const std::set<MissingWeights>& missing() const { return missing_; }
  bool is_missing(const std::string& name) const;

 private:
  NamedWeights named(const Combination& combination, const Draft& draft);

  const PlanOptions& options_;
  const WeightsCatalogue& catalogue_;
  std::map<std::string, NamedWeights> known_;  // found so far
  std::set<MissingWeights> missing_;
};

}  // namespace resolute::experiments
