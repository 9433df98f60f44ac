#pragma once
//! \file
//! The tables of a suite as text, and as files.

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/files/file_system.h"
#include "core/files/json.h"
#include "results/tables/aggregation.h"

namespace resolute::results {

//! All tables of a suite as one document of Markdown, for people: per cent with one decimal, `45.2 ± 1.3 (78.9)` = mean
//! ± sample standard deviation over the trials and the paper's number (weights and rank correlations with two decimals,
//! as they are), bold where the cell is the best (Cell::best); `… 1/2 trials` where trials are not there yet, `–` where
//! a row has no such number, `mixed` and `stale` as in aggregation.h; chance as the last row; under each table its
//! legend, its notes and the suite's, the differences from the row that it compares with as `+3.2 [+1.0, +5.5]` (mean
//! and 95 % interval, bootstrap.h), and what became of the papers' claims (verdict.h). Columns line up as plain text.
std::string to_markdown(const SuiteTables& tables);

//! One table with its legend, without a heading. \param notes printed below the legend, one a line
std::string to_markdown(const Table& table, const std::vector<std::string>& notes);

//! Lines of a Markdown table, the heading first: columns as wide as their widest text, the first to the left.
//! \param lines of as many texts each, any of a user's
std::string markdown_table(const std::vector<std::vector<std::string>>& lines);

//! Tables as comma-separated values (RFC 4180, lines end in a line feed): one line a cell, numbers in per cent with
//! full precision, empty where there is none. Columns: table, row, label, dataset, metric, mean, std, trials,
//! trials_needed, reference (as the paper prints it; "no reference" where the paper is asked and has none, and
//! throughout a table that names a paper and has none of its numbers), chance, compared_with (a row's id), difference,
//! difference_low, difference_high, difference_trials, status, jobs (ids separated by a space); behind these, where
//! some table asks rows on other data sets than they train on, trained_on and asked_on; and last, where some table of
//! the suite has footnotes, footnotes: what is to be known of the reference, whole sentences.
std::string to_csv(const SuiteTables& tables);

//! The document of `suite table --json`, numbers in per cent but weights and rank correlations:
//! {"suite", "complete", "tables": [{"id", "title", "rows": [{"id", "label", "cells": [{"dataset", "metric", "mean",
//! "std", "trials", "reference", "complete", "jobs"}]}]}]}, and beside these: "title", "notes" of the suite; "metrics",
//! "datasets", "lanes", "from_scratch", "compare_with" (a row's id or null), "comparisons" (a number) and "claims" of a
//! table, "no_reference"
//! (titles of papers that it names and has no number of), "mean_of", "footnotes" (what is to be known of the papers'
//! numbers and of ours, numbered from 1) and "published" (rows of references alone: {"id", "label", "references": data
//! set to metric to number, "paper_datasets": data set to metric to the paper's data set, and where there are such
//! "no_reference": data set to metrics, "footnotes": data set to metric to numbers}) where there are such;
//! "trials_needed", "values" (one per trial, null where it is not there), "chance", "status", "why", "difference"
//! (json_difference() or null), "difference_why" (where there is none although both are complete), "trained_on" and
//! "asked_on" (where these are two data sets), "against_paper" ({"difference", "low", "high", "margin", "verdict": a
//! word of PaperVerdict}; ours minus the paper's number in points) where it was compared, "paper_dataset" (on which the
//! paper has the number), "reference_error" (points, of a number off a plot), "no_reference" (true where the paper is
//! asked and has no number), "best" (true where it is), "footnotes" (numbers of the table's, beside the paper's number)
//! and "own_footnotes" (beside ours) of a cell, whose difference may have "footnotes" too, whose "jobs" are training
//! and evaluation, trial after trial. A claim is
//! {"kind": "stated" or "printed", "form": "order" or "some", "dataset", "metric", "paper",
//! "paper_dataset", "paper_order" (ClaimPlan's), "rows": [{"id", "label", "mean"}] (in the order of the form), "steps":
//! [a word of Verdict] and "differences" (as of cells) of each row but the first, "trials" (the fewest of a row that
//! has a mean), "status": a word of Verdict}. A number that is not there is null.
core::Json to_json(const SuiteTables& tables);

//! {"to", "mean", "low", "high", "trials", "p", "p_holm", "verdict": a word of Side, "survives_holm"}
core::Json json_difference(const Difference& difference);

//! A `table` environment for each table, labelled `tab:ID`, to be read by `\input`. The page's preamble loads booktabs
//! (rules), siunitx of version 3 (aligned numbers) and threeparttable (notes). Each data set and metric has a column,
//! and a second one beside it where the paper has numbers. A cell that is the best (Cell::best) is bold.
//! Notes below say what the numbers are, why some are missing and what became of the papers' claims. The differences of
//! a table that compares rows are a second one, `tab:ID-differences`. A table that is wider than a page is one of each
//! data set, `tab:ID-DATASET`, or of a few metrics each. The bytes depend on the tables alone. A row's `latex` stands
//! as it is, all other text is core::latex_text(). The first line is a comment: it names what the preamble needs, and
//! letters_to_tell().
std::string to_latex(const SuiteTables& tables);

//! Letters that pdflatex refuses, each once: "方 (U+65B9)". \param latex of to_latex()
std::vector<std::string> letters_to_tell(const std::string& latex);
//! The ways out for who has such letters.
inline constexpr std::string_view kWayOfLetters =
    "compile with lualatex or xelatex and a font that has them, or give the row latex = '…' with commands";

//! all.md, all.csv, all.tex and tables.json (canonical JSON of to_json() and a line end): name and text.
std::vector<std::pair<std::string, std::string>> table_files(const SuiteTables& tables);

//! Writes table_files() into `folder`, each whole or not at all; a file that stands there with the same bytes is left
//! alone. The bytes depend on the tables alone. \throws core::RuntimeError of the file system
void write_tables(core::FileSystem& files, const std::filesystem::path& folder, const SuiteTables& tables);

}  // namespace resolute::results
