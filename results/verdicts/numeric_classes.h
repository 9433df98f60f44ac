#pragma once
//! \file
//! In which numeric classes the jobs behind a number ran.

#include <algorithm>
#include <map>
#include <string>

#include "results/records/record.h"

namespace resolute::results {

//! Jobs of each kind, by class. A suite may train on GPUs and evaluate on CPUs: each kind is looked at alone.
class NumericClasses {
 public:
  void add(const TrainingRecord& training) { ++trainings_[training.provenance.numeric_class]; }
  void add(const EvaluationRecord& evaluation) { ++evaluations_[evaluation.provenance.numeric_class]; }
  //! The most of a kind.
  std::size_t most() const { return std::max(trainings_.size(), evaluations_.size()); }
  //! Footnote, "4 and 1 trainings ran in 2 numeric classes, which differ in kernels (default, AVX2)"; empty where each
  //! kind of job ran in one. Three parts are named.
  std::string footnote() const;

 private:
  std::map<std::string, int> trainings_, evaluations_;
};

}  // namespace resolute::results
