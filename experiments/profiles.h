#pragma once
//! \file
//! The [profiles.NAME] of a suite. Part of suite.h.

#include <optional>
#include <string>
#include <vector>

#include "experiments/language/settings.h"

namespace resolute::experiments {

//! Settings, and which columns are made of which images.
struct Profile {
  Settings settings;
  std::optional<bool> stand_ins;      //!< nothing: as the suite says
  std::vector<std::string> datasets;  //!< ids; empty: all columns
};

//! The chosen profile, or one of nothing. The others are read too: a misspelt key shows before the day it is needed.
//! \param profiles the suite's [profiles], or null \param chosen its name; empty: none \param file the suite's, for
//! messages \param datasets ids of the suite's \param methods its methods in Python \param needed whether the chosen
//! one must be there \throws RuntimeError (kInput) with the place of the key that is wrong, or where there is no such
//! profile
Profile read_profiles(const Node* profiles, const std::string& chosen, const std::string& file,
                      const std::vector<std::string>& datasets, const PythonMethods& methods, bool needed);

}  // namespace resolute::experiments
