#pragma once
//! \file
//! Counts the numeric classes in which the jobs behind a number ran.

#include <map>
#include <string>
#include <vector>

#include "results/records/record.h"

namespace resolute::results {

//! "2 numeric classes, which differ in kernels (default, AVX2)". Three parts are named. \param classes different ones
std::string classes_text(const std::vector<std::string>& classes);
//! "4 and 1 trainings ran in 2 numeric classes, …"; empty where there is one class. \param counts jobs by class
std::string counts_text(const std::map<std::string, int>& counts, const char* kind);

//! Jobs of each kind, by class. A suite may train on GPUs and evaluate on CPUs: each kind is looked at alone.
class NumericClasses {
 public:
  void add(const TrainingRecord& training) { ++trainings_[training.provenance.numeric_class]; }
  void add(const EvaluationRecord& evaluation) { ++evaluations_[evaluation.provenance.numeric_class]; }
  //! One, "4 and 1 trainings ran in 2 numeric classes, which differ in kernels (default, AVX2)"; none where each kind
  //! of job ran in one.
  std::vector<std::string> footnotes() const;

 private:
  std::map<std::string, int> trainings_, evaluations_;
};

}  // namespace resolute::results
