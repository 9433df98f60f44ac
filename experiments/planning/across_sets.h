#pragma once
//! \file
//! Rows that train on one data set and are asked on another: which two go together, and what a reader must know.

#include <string>
#include <vector>

#include "experiments/planning/combination.h"

namespace resolute::experiments {

//! The networks have the size of the images that they train on, and nobody who is asked for may have been trained on,
//! as far as the suite tells it. People of one folder, or drawn by one seed, are divided alike where the partition and
//! the number of tested people are the same; an evaluation looks at the images again (workers/jobs/evaluation_job.cpp).
//! \param trained_split of the training \param asked_split of the test
//! \throws RuntimeError (kInput) with the place of `evaluate_on`
void check_across(const TableText& table, const Combination& trained, const SplitSettings& trained_split,
                  const Combination& asked, const SplitSettings& asked_split);

//! A split without what its training people alone depend on, so that it is the test of whoever trained elsewhere.
SplitSettings tested_alone(SplitSettings split);

//! Notes below a table: how its columns read, and where the two data sets of one show subjects of two kinds or have the
//! same people. None where each set is asked by its own trainings.
std::vector<std::string> notes_across(const TableText& table, const SuiteText& suite);

}  // namespace resolute::experiments
