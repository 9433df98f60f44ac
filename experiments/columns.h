#pragma once
//! \file
//! Which columns a suite's tables have, and of which images: what profiles and options say of it, done to the suite's
//! text before it is planned. Part of suite.h.

#include <functional>
#include <string>
#include <vector>

#include "experiments/planning/planner.h"

namespace resolute::experiments {

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
