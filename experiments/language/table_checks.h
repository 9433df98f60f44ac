#pragma once
//! \file
//! What a table asks of its rows and their jobs.

#include "experiments/language/combination.h"
#include "experiments/language/planned_jobs.h"

namespace resolute::experiments {

//! What the table shows must be measured. \throws RuntimeError (kInput) with the place of `metrics`
void check_metrics(const TableText& text, const Combination& combination, const EvaluationProtocol& protocol,
                   const MethodOptions& method);

//! Rows that are compared query by query must have the same queries, means are over as many trials, and some row has
//! each metric. \param jobs of its cells \throws RuntimeError (kInput) with the place of the key that is wrong
void check_rows(const TableText& text, const TablePlan& table, const PlannedJobs& jobs);

}  // namespace resolute::experiments
