#pragma once
//! \file
//! Tables as LaTeX for a paper, to be read by `\input`. Rules are booktabs', numbers are aligned by siunitx (version
//! 3), notes are threeparttable's: the page's preamble loads these three packages.

#include <string>

#include "results/tables/aggregation.h"

namespace resolute::results {

//! A `table` environment for each table, labelled `tab:ID`: a column per data set and metric, beside it the paper's
//! numbers where there are any; per column the best mean in bold and, of three or more, the second in italics. What the
//! numbers are, why some are missing and what became of the papers' claims stands in notes below. A table that compares
//! rows has the differences in a second one, `tab:ID-differences`. One of several data sets and more than nine
//! columns is one of each data set, `tab:ID-DATASET`. The bytes depend on the tables alone.
std::string to_latex(const SuiteTables& tables);

}  // namespace resolute::results
