#pragma once
//! \file
//! What a table takes from the papers: orders of rows, numbers of others' methods, what is not known of them.

#include <map>
#include <string>
#include <vector>

#include "experiments/language/planner.h"
#include "experiments/language/reference.h"
#include "experiments/specification/plan.h"

namespace resolute::experiments {

//! The claims that a table's rows can be held against, data set after data set in the order of the reference file. A
//! row is of a claim's entry where one of its `reference`s, beside that data set, is of the claim's paper and the
//! paper's data set and names the entry: as its variant, or as its method without a variant. Of several rows of one
//! entry the first counts. Left out: claims on a metric that the table lacks, with fewer than two rows, and those of
//! which another says as much and more; what is printed says nothing of what is stated.
std::vector<ClaimPlan> claims_of(const TableText& table, const std::vector<PublishedClaim>& claims);

//! What the file says beside a cell: of each metric's number, which is the first request's that has it, or of its lack.
//! \param requests of the cell's row; those that do not stand beside our data set count for nothing
PaperCell paper_cell(const std::vector<ReferenceRequest>& requests, const std::string& our_dataset,
                     const std::vector<std::string>& metrics, const ReferenceNumbers& references);

//! `published` of a table as rows, in order; a method without a number for the table's metrics and data sets is left
//! out where all are asked for. \throws RuntimeError (kInput) with the place of the key that is wrong: an unknown
//! paper, table, data set or method, a method that is named and has no number
std::vector<PublishedRow> published_rows(const TableText& table, const PublishedText& wanted,
                                         const ReferenceNumbers& references);

//! Of the papers that a table and its rows name, by title, those that have no number for it.
//! \throws RuntimeError (kInput) with place if the file knows nothing of such a paper
std::vector<std::string> papers_without_numbers(const TableText& table, const std::vector<PublishedRow>& published,
                                                const ReferenceNumbers& references);

//! Of the rows' entries that have no number: "TITLE, TABLE" → where people find that table, as far as the file says it.
std::map<std::string, std::string> addresses_of_missing(const TableText& table, const ReferenceNumbers& references);

}  // namespace resolute::experiments
