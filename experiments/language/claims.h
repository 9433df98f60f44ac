#pragma once
//! \file
//! Orders that the papers state, found among the rows of a suite's tables.

#include <vector>

#include "experiments/language/planner.h"
#include "experiments/language/reference.h"
#include "experiments/specification/plan.h"

namespace resolute::experiments {

//! The claims that a table's rows can be held against, data set after data set in the order of the reference file. A
//! row is of a claim's entry where one of its `reference`s, beside that data set, is of the claim's paper and the
//! paper's data set and names the entry: as its variant, or as its method without a variant. Of several rows of one
//! entry the first counts. Left out: claims on a metric that the table lacks, with fewer than two rows, and those of
//! which another says as much and more.
std::vector<ClaimPlan> claims_of(const TableText& table, const std::vector<Claim>& claims);

}  // namespace resolute::experiments
