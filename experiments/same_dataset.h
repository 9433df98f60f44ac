#pragma once
//! \file
//! Tells whether two files of a suite mean the same by a data set's id.

#include "experiments/planning/planner.h"

namespace resolute::experiments {

//! A data set's table, for DatasetText::written.
core::Json json_of(const Node& node);

//! Two data sets of one id in two files: the same images packed in the same way, or two things under one name. Their
//! settings of trainings (`train`, and those of a method) may differ. \param bases SuiteText::bases \throws
//! RuntimeError (kInput) with the key of `again` in which they differ
void check_same(const DatasetText& known, const DatasetText& again, const std::vector<Settings>& bases);

}  // namespace resolute::experiments
