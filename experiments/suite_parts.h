#pragma once
//! \file
//! Internal to suite.cpp: parts of a suite's text as they are read (tables, profiles), and what profiles and options
//! leave of its columns.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "experiments/language/settings.h"
#include "experiments/language/table_reader.h"
#include "experiments/planning/planner.h"

namespace resolute::experiments {

//! Reads all of a [[table]] but its id and its title, which `table` has by now. \param datasets ids that it may name
//! \param methods the suite's in Python \throws RuntimeError (kInput) with the place of the key that is wrong
void read_columns_and_rows(TableReader& reader, const std::vector<std::string>& datasets, const PythonMethods& methods,
                           TableText& table);

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

//! Leaves the columns of these data sets, and a mean over data sets where all of them are left. Tables without a column
//! are taken out and named in `left_out`. \param by_option what --datasets names; empty: as the profile says
//! \param by_profile of each file of the suite (TableText::base), its own last: ids of the suite's; empty: all. The
//! suite's own goes over those that it includes \throws RuntimeError (kInput) for an option that names no data set
//! of the suite, or where no table is left
void choose_columns(SuiteText& suite, const std::vector<std::string>& by_option,
                    const std::vector<std::vector<std::string>>& by_profile);

//! Puts stand-ins in the place of the images of each data set that has a column and whose file (DatasetText::base) asks
//! for them. \throws RuntimeError (kInput), with its place, for one that has neither drawn images nor a stand-in
void take_stand_ins(SuiteText& suite, const std::function<bool(std::size_t file)>& asks);

}  // namespace resolute::experiments
