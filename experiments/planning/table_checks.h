#pragma once
//! \file
//! A table asks this of its rows and their jobs.

#include <functional>

#include "experiments/planning/combination.h"

namespace resolute::experiments {

//! The method of a row as a table's metrics ask about it.
struct AskedMethod {
  const MethodOptions& options;
  const Recipe& recipe;            //!< names a method in Python
  const PythonMethods& in_python;  //!< those of the suite
};

//! A metric that the table shows must be measured. \throws RuntimeError (kInput) with the place of `metrics`
void check_metrics(const TableText& text, const Combination& combination, const EvaluationProtocol& protocol,
                   const AskedMethod& method);

//! The specification of a job that is planned by now.
using SpecificationOf = std::function<const JobSpecification&(const JobId& job)>;

//! Rows that are compared query by query must have the same queries, means are over as many trials, and some row has
//! each metric. \throws RuntimeError (kInput) with the place of the key that is wrong
void check_rows(const TableText& text, const TablePlan& table, const SpecificationOf& specification_of,
                const PythonMethods& in_python);

}  // namespace resolute::experiments
