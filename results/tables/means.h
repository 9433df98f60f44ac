#pragma once
//! \file
//! Internal to results/tables: means over trials, and over data sets.

#include <vector>

#include "results/tables/aggregation.h"

namespace resolute::results {

//! \param values one or more
double mean_of(const std::vector<double>& values);

//! Mean and, of two trials or more, the sample standard deviation. \param values of the trials
void fill_mean(Cell& cell, const std::vector<double>& values);

//! Adds the column of means over data sets, where the table has one.
void add_means(Row& row, const experiments::TablePlan& plan);
void add_means(experiments::PublishedRow& row, const experiments::TablePlan& plan);

}  // namespace resolute::results
