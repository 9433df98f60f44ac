#pragma once
//! \file
//! Rows whose trials ran in several numeric classes, and which of their jobs to make anew so that each row is in one.

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "experiments/specification/plan.h"

namespace resolute::results {

using experiments::JobId;

//! The training of each of the plan's evaluations.
std::map<JobId, JobId> trainings_of(const experiments::Plan& plan);

//! A row on a data set, all its metrics.
struct MixedRow {
  std::string table;    //!< its id
  std::string row;      //!< its label
  std::string dataset;  //!< its id
  std::string classes;  //!< "2 and 1 trainings ran in 2 numeric classes, which differ in kernels (default, AVX2)"
  //! Trainings that ran in other classes than most, and evaluations that did so though their trainings did not.
  std::vector<JobId> others;
};

//! In the order of the tables. A row keeps the class that most of its jobs of a kind ran in; of equal ones that which
//! its table has most; then the first by name. A row of several tables is named in the first.
//! \param classes beside the plan's jobs: that of each result; empty: it has none, or is damaged
std::vector<MixedRow> mixed_rows(const experiments::Plan& plan, const std::vector<std::string>& classes);

//! MixedRow::others of all rows, and the plan's evaluations of those trainings; in the plan's order, each once.
std::vector<JobId> jobs_to_remake(const experiments::Plan& plan, const std::vector<MixedRow>& rows);

//! "2 rows mix numeric classes: `resolute suite rerun --mixed` makes the fewer trials anew"; empty where `rows` is 0.
std::string mixed_rows_hint(std::size_t rows);

}  // namespace resolute::results
