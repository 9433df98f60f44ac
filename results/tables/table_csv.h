#pragma once
//! \file
//! Tables as comma-separated values (RFC 4180, lines end in a line feed): one line a cell, numbers in per cent with
//! full precision, empty where there is none. Columns: table, row, label, dataset, metric, mean, std, trials,
//! trials_needed, reference (as the paper prints it; "no reference" where the paper is asked and has none, and
//! throughout a table that names a paper and has none of its numbers), chance, compared_with (a row's id), difference,
//! difference_low, difference_high, difference_trials, status, jobs (ids separated by a space); and last, where some
//! table of the suite has footnotes, footnotes: what is to be known of the reference, whole sentences.

#include <string>

#include "results/tables/aggregation.h"

namespace resolute::results {

std::string to_csv(const SuiteTables& tables);

}  // namespace resolute::results
