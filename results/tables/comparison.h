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
//! Then marks the best cell of each column that is ahead of all others: by the differences that the table shows of its
//! row, else by those of a paired bootstrap of the two rows. Rows that cannot be paired are not told apart.
//!
//! Then holds the plan's claims against the table's means and, where its rows can be paired in the same way, against
//! the differences between each row and the one before it (verdict.h). Last come `comparisons` and each p_holm. \param
//! query_scores may be empty where the plan compares with no row: claims are then held against means alone, and no cell
//! is the best
void compare_rows(Table& table, const experiments::TablePlan& plan, const RecordLookup& lookup,
                  const QueryScoresLookup& query_scores);

using MetricIntervals = std::map<std::string, BootstrapInterval>;

//! The queries of an evaluation that is there; none of one that left none.
using QueriesOf = std::function<std::vector<QueryScore>(const JobId& evaluation)>;

//! The 95 % intervals of CMC curves of one row on one data set, the mean over these trials: by rate, that of all
//! queries at 0 with each of kQueryRanks, the others with rank1 alone. A rate at which a trial has no query with a
//! match has none.
std::map<int, MetricIntervals> curve_intervals(const std::vector<JobId>& evaluations, const QueriesOf& queries);

//! The 95 % intervals of a row's means on one data set, by metric: bootstrapped as differences are (bootstrap.h), of
//! the queries' own numbers, in per cent. A metric that is no mean over queries has none, nor has a cell that is not
//! complete, nor one with an evaluation that left no queries.
MetricIntervals mean_intervals(const Row& row, const std::string& dataset, const std::vector<std::string>& metrics,
                               const QueriesOf& queries);

}  // namespace resolute::results
