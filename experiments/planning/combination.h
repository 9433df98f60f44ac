#pragma once
//! \file
//! A row on a data set: what its settings fill in, checked as it is written, and all that messages about it need.

#include <optional>
#include <string>

#include "experiments/planning/planner.h"
#include "experiments/specification/validation.h"

namespace resolute::experiments {

struct Combination {
  const RowText& row;
  const DatasetText& dataset;
  const DatasetPlan& planned;  //!< of that data set
  Settings settings;           //!< of all layers

  std::string place_of(const std::string& key) const {
    if (key == "start_from") return row.start_from.place;
    if (key == "joined_with" && !row.joined_with.value.empty()) return row.joined_with.place;
    if (const auto found = settings.find(key); found != settings.end()) return found->second.place;
    if (const auto found = settings.find(in_other_words(key)); found != settings.end()) return found->second.place;
    if (const auto found = settings.find("freeze"); found != settings.end() && key == "network.frozen_levels")
      return found->second.place;
    return dataset.place_of(key, row.place);
  }
  std::string context() const { return fmt::format("for row '{}' on data set '{}'", row.id.value, dataset.id); }

  [[noreturn]] void refuse(const std::string& key, const auto& value, const std::string& why,
                           const std::string& suggestion = {}) const {
    throw MemberError(key, value, why, suggestion).in_suite(place_of(key), context());
  }

  //! Calls it; what it refuses is told as the suite spells it.
  void in_suite_words(const auto& call) const {
    try {
      call();
    } catch (const MemberError& error) {
      throw error.in_suite(place_of(error.key()), context());
    }
  }
};

//! The method whose option "METHOD.NAME" is, one of ours or in Python; nothing for any other key.
std::optional<std::string> method_of_key(const std::string& key, const PythonMethods& in_python);

//! Members are in range and what they say of the suite holds; jobs' specifications are checked as they are made.
//! \throws RuntimeError (kInput) with the place of the key that is wrong
Draft checked_draft(const Combination& combination, const SuiteText& suite);

//! The section of the draft's method. \param in_python the suite's
//! \throws RuntimeError (kInput) with the place of the key that is wrong
MethodOptions method_options(const Combination& combination, const Draft& draft, const PythonMethods& in_python);

//! Tells whether a training goes on from the kept state of a shorter one.
//! \throws RuntimeError (kInput) with the place of the row's own `keep_state` where none can
bool may_go_on(const Combination& combination, const Draft& draft, const TrainingSpecification& training,
               const SuiteText& suite);

//! The name of a trainer, for people: the draft's method, or the suite's program by its file's name.
std::string trainer_of(const Draft& draft, const SuiteText& suite);

//! The rows of that id which a row of `home` may name, with their tables: its own table's alone, else all of other
//! tables.
std::vector<std::pair<const TableText*, const RowText*>> rows_of_id(const SuiteText& suite, const TableText& home,
                                                                    const std::string& id);

}  // namespace resolute::experiments
