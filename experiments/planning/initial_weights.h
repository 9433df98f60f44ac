#pragma once
//! \file
//! The weights that trainings start from, by the names that a suite gives.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/error.h"
#include "experiments/planning/combination.h"
#include "experiments/planning/plan_notes.h"
#include "experiments/store/weights_catalogue.h"

namespace resolute::experiments {

//! Weights that a training starts from, by itself or through the trainings before it.
struct NamedStart {
  std::string name;    //!< in the suite
  std::string sha256;  //!< empty: from scratch
};

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
  //! Where a plan may not be made without them, all at once. \throws RuntimeError (kInput) with the place of the first
  void refuse_missing() const;

  //! Who was trained on before must not be tested: a trial whose weights come from a training of this store on people
  //! whom it tests is refused. \param start the trial's, or that of the first of the rows that it starts from
  //! \param training whose split and pack are the test's \throws RuntimeError (kInput) with the place of `weights`, or
  //! of `start_from`
  void check_people(const Combination& combination, const NamedStart& start, const TrainingSpecification& training);
  //! Names of weights that some rows start from, of which the store does not know all whom they were trained on.
  const std::set<std::string>& of_unknown_people() const { return of_unknown_people_; }

 private:
  //! Trainings of the store that weights come from, the last one first.
  struct Origin {
    std::vector<TrainingSpecification> trainings;
    bool complete = false;  //!< the first of them began from scratch
  };
  const Origin& origin_of(const std::string& sha256);
  NamedWeights named(const Combination& combination, const Draft& draft);

  const PlanOptions& options_;
  const WeightsCatalogue& catalogue_;
  std::map<std::string, NamedWeights> known_;  // found so far
  std::set<MissingWeights> missing_;
  std::optional<core::RuntimeError> first_missing_;
  std::map<std::string, Origin> origins_;  // by SHA-256
  std::set<std::string> of_unknown_people_;
};

}  // namespace resolute::experiments
