#pragma once
//! \file
//! Our numbers against the paper's: differences, their intervals and verdicts, and what is said of them below a table.
//! Part of aggregation.h.
//!
//! The paper's number is taken as exact: no paper prints how sure it is. One that was read off a plot may lie anywhere
//! within its error. The interval is that of our mean (bootstrap.h), shifted by the paper's number and wider by the
//! error at both ends; its target is new people of this kind and new trainings. The verdict is that of two one-sided
//! tests at 5 %, each against the end of the error that is further away. Source: Schuirmann, "A comparison of the two
//! one-sided tests procedure and the power approach for assessing the equivalence of average bioavailability", 1987.

#include <optional>
#include <string>
#include <vector>

#include "results/scores/bootstrap.h"
#include "results/tables/aggregation.h"

namespace resolute::results {

//! \param mean, paper in per cent \param error of the paper's number, in points; 0: printed \param interval of the
//! mean; nothing where there is none \param margin in points: the 90 % interval of the difference within it has
//! reproduced the number, the 95 % interval wholly beyond it is another number
AgainstPaper against_paper(double mean, double paper, double error, int trials,
                           const std::optional<BootstrapInterval>& interval, double margin);

//! Fills `against_paper` of each complete cell of a metric that is per query and has the paper's number. A cell whose
//! queries cannot be read has no interval. \param query_scores empty: nothing is compared
void compare_with_paper(Table& table, const RecordLookup& lookup, const QueryScoresLookup& query_scores);

//! True where a cell has the paper's number.
bool has_reference(const Table& table);

//! The words beside a column's numbers of papers that are of other data sets (experiments::other_dataset()), each once:
//! "paper: mlr-viper; here: easy". Empty where all are of the column's own.
std::string other_datasets(const Table& table, const std::string& dataset, const std::string& metric);

//! A heading and lines for the rows and columns that were compared; empty where none was.
std::vector<std::vector<std::string>> paper_lines(const Table& table);

//! The legend of paper_lines(), without a full stop. Empty where there are none.
std::string paper_legend(const Table& table);

//! The same as sentences, for notes: the legend, then one per number. Empty where none was compared.
std::vector<std::string> paper_sentences(const Table& table);

//! Notes on the steps that numbers are of: where the paper's stand beside ours, and where a column has the best step.
std::vector<std::string> step_notes(const Table& table);

}  // namespace resolute::results
