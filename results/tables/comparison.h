#pragma once
//! \file
//! Rows of a table against one another: differences from the row that the table compares with, and the orders that the
//! papers state. Part of aggregation.h.

#include "results/tables/aggregation.h"

namespace resolute::results {

//! Fills the `difference` of each cell that has one: of a metric that is per query, complete as the cell of the
//! reference row is. Queries are paired by trial, path and rate; only those with a match count. With fewer trials on
//! one side those that both have. None where the plan compares with no row. Where the rows' jobs ran in different
//! numeric classes, where a query of one evaluation is missing in the other, or where their queries cannot be read, the
//! cell says why it has no difference: the tables' other numbers stand.
//!
//! Then holds the plan's claims against the table's means and, where its rows can be paired in the same way, against
//! the differences between each row and the one before it. \param query_scores may be empty where the plan compares
//! with no row: claims are then held against means alone
void compare_rows(Table& table, const experiments::TablePlan& plan, const RecordLookup& lookup,
                  const QueryScoresLookup& query_scores);

}  // namespace resolute::results
