#pragma once
//! \file
//! The settings in which two jobs, or two rows of a table, differ.

#include <map>
#include <string>
#include <vector>

#include "experiments/specification/specification.h"

namespace resolute::results {

//! A member of the trainings' or evaluations' specifications (docs/inside/formats/specification.md) that is not the
//! same.
struct DifferentSetting {
  std::string key;            //!< as suites spell it, "train.steps"
  std::string first, second;  //!< as JSON; empty: it is not there
  auto operator<=>(const DifferentSetting&) const = default;
};

//! The settings of a trial: keys with their values as JSON. Ids, which follow from others, and the seed,
//! which the plan sets, are left out. Pack and split of another set that is asked stand under "evaluate_on".
//! \param trials that its row has
std::map<std::string, std::string> settings_of(const experiments::TrainingSpecification& training,
                                               const experiments::EvaluationSpecification& evaluation,
                                               std::size_t trials);

//! By key.
std::vector<DifferentSetting> different_settings(const std::map<std::string, std::string>& first,
                                                 const std::map<std::string, std::string>& second);

//! Tells whether a key is of a method: which one, or an option of one.
bool is_of_method(const std::string& key);

//! A value as people read it within a sentence: "600", "hr-both-views", the first digits of a hash, "none".
std::string value_text(const std::string& json);

}  // namespace resolute::results
