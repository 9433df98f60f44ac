#pragma once
//! \file
//! Tables as Markdown for people: per cent with one decimal, `45.2 ± 1.3 (78.9)` = mean ± sample standard deviation
//! over the trials and the paper's number (weights and rank correlations with two decimals, as they are); `… 1/2
//! trials` where trials are not there yet, `–` where a row has no such number, `mixed` and `stale` as in
//! aggregation.h; chance as the last row; under each table its legend, its notes and the suite's, the differences from
//! the row that it compares with as `+3.2 [+1.0, +5.5]` (mean and 95 % interval, bootstrap.h), and what became of the
//! papers' claims (verdict.h). Columns line up as plain text.

#include <string>

#include "results/tables/aggregation.h"

namespace resolute::results {

//! All tables of a suite as one document.
std::string to_markdown(const SuiteTables& tables);

//! One table with its legend, without a heading. \param notes printed below the legend, one a line
std::string to_markdown(const Table& table, const std::vector<std::string>& notes);

//! Lines of a Markdown table, the heading first: columns as wide as their widest text, the first to the left.
//! \param lines of as many texts each, any of a user's
std::string markdown_table(const std::vector<std::vector<std::string>>& lines);

}  // namespace resolute::results
