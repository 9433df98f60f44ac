#pragma once
//! \file
//! The document of `suite table --json`, numbers in per cent but weights and rank correlations:
//! {"suite", "complete", "tables": [{"id", "title", "rows": [{"id", "label", "cells": [{"dataset", "metric", "mean",
//! "std", "trials", "reference", "complete", "jobs"}]}]}]}, and beside these: "title", "notes" of the suite; "metrics",
//! "datasets", "lanes", "from_scratch", "compare_with" (a row's id or null), "comparisons" (a number) and "claims" of a
//! table, "no_reference"
//! (titles of papers that it names and has no number of), "mean_of", "footnotes" (what is to be known of the papers'
//! numbers and of ours, numbered from 1) and "published" (rows of references alone: {"id", "label", "references": data
//! set to metric to number, and where there are such "no_reference": data set to metrics, "footnotes": data set to
//! metric to numbers}) where there are such; "trials_needed", "values" (one per trial, null where it is not there),
//! "chance", "status", "why", "difference" (json_difference() or null), "difference_why" (where there is none although
//! both are complete), "against_paper" ({"difference", "low", "high", "margin", "verdict": a word of PaperVerdict};
//! ours minus the paper's number in points) where it was compared, "no_reference" (true where the paper is asked and
//! has no number), "footnotes" (numbers of the table's, beside the paper's number) and "own_footnotes" (beside ours) of
//! a cell, whose difference may have "footnotes" too, whose "jobs" are training and evaluation, trial after trial. A
//! claim is
//! {"kind": "stated" or "printed", "dataset", "metric", "paper",
//! "paper_dataset", "paper_order" (ClaimPlan's), "rows": [{"id", "label", "mean"}] (worse to better), "steps": [a word
//! of Verdict] and "differences" (as of cells) of each row but the first, "trials" (the fewest of a row that has a
//! mean), "status": a word of Verdict}. A number that is not there is null.

#include "core/files/json.h"
#include "results/tables/aggregation.h"

namespace resolute::results {

core::Json to_json(const SuiteTables& tables);

//! {"to", "mean", "low", "high", "trials", "p", "p_holm", "verdict": a word of Side, "survives_holm"}
core::Json json_difference(const Difference& difference);

}  // namespace resolute::results
