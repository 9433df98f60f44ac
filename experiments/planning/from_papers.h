#pragma once
//! \file
//! The papers' share of a table: orders of rows, numbers of others' methods, what is not known of them.

#include <functional>
#include <string>
#include <vector>

#include "experiments/language/reference.h"
#include "experiments/planning/planner.h"
#include "experiments/specification/plan.h"

namespace resolute::experiments {

//! A column's title for people (specification/plan.h).
using TitleOf = std::function<std::string(const std::string& column)>;

//! Gives a cell what the file says beside it: the number of a metric is that of the first request which has it.
//! \param requests of the cell's row \throws RuntimeError (kInput) with the request's place if there is no such entry
void add_papers(CellPlan& cell, const std::vector<ReferenceRequest>& requests, const std::vector<std::string>& metrics,
                const ReferenceNumbers& references, const TitleOf& title_of);

//! True of a data set of ours whose column has the papers' numbers.
using Shows = std::function<bool(const std::string& dataset)>;

//! Gives a table, whose rows have all else, its claims, its published rows, and what is not known of them.
//! \throws RuntimeError (kInput) with the place of the key that is wrong
void add_papers(TablePlan& table, const TableText& text, const ReferenceNumbers& references, const Shows& shows,
                const TitleOf& title_of);

}  // namespace resolute::experiments
