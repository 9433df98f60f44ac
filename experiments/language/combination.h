#pragma once
//! \file
//! A row on a data set, with all that messages about it need.

#include <string>

#include "experiments/language/planner.h"
#include "experiments/specification/validation.h"

namespace resolute::experiments {

struct Combination {
  const RowText& row;
  const DatasetText& dataset;
  const DatasetPlan& planned;  //!< of that data set
  Settings settings;           //!< of all layers

  std::string place_of(const std::string& key) const {
    if (const auto found = settings.find(key); found != settings.end()) return found->second.place;
    if (const auto found = settings.find(in_other_words(key)); found != settings.end()) return found->second.place;
    if (const auto found = dataset.places.find(key); found != dataset.places.end()) return found->second;
    return row.place;
  }
  std::string context() const { return fmt::format("for row '{}' on data set '{}'", row.id, dataset.id); }

  [[noreturn]] void refuse(const std::string& key, const auto& value, const std::string& why,
                           const std::string& suggestion = {}) const {
    throw MemberError(key, value, why, suggestion).in_suite(place_of(key), context());
  }

  //! Calls it; what it refuses is told as the suite spells it.
  void told(const auto& call) const {
    try {
      call();
    } catch (const MemberError& error) {
      throw error.in_suite(place_of(error.key()), context());
    }
  }
};

}  // namespace resolute::experiments
