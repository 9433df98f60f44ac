#pragma once
//! \file
//! Rows of a table against one another: differences from the row that the table compares with, and the orders that the
//! papers state. Part of aggregation.h.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "results/scores/bootstrap.h"
#include "results/tables/aggregation.h"

namespace resolute::results {

//! Fills the `difference` of each cell that has one: of a metric that is per query, complete as the cell of the
//! reference row is. Queries are paired by trial, path and rate; only those with a match count. With fewer trials on
//! one side those that both have. None where the plan compares with no row. A cell says why it has no difference where
//! the rows' jobs ran in different numeric classes, where a query of one evaluation is missing in the other, or where
//! their queries cannot be read: the tables' other numbers stand.
//!
//! Then holds the plan's claims against the table's means and, where its rows can be paired in the same way, against
//! the differences between each row and the one before it (verdict.h). Last come `comparisons` and each p_holm. \param
//! query_scores may be empty where the plan compares with no row: claims are then held against means alone
void compare_rows(Table& table, const experiments::TablePlan& plan, const RecordLookup& lookup,
                  const QueryScoresLookup& query_scores);

using MetricIntervals = std::map<std::string, BootstrapInterval>;

//! The 95 % intervals of a row's means on one data set, by metric: bootstrapped as differences are (bootstrap.h), of
//! the queries' own numbers, in per cent. A metric that is no mean over queries has none, nor has a cell that is not
//! complete. \param queries of an evaluation that is there; of one that left none, none: then there is no interval
MetricIntervals mean_intervals(const Row& row, const std::string& dataset, const std::vector<std::string>& metrics,
                               const std::function<std::vector<QueryScore>(const JobId& evaluation)>& queries);

}  // namespace resolute::results
