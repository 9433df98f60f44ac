#pragma once
//! \file
//! The numbers of an evaluation that a table can show (docs/formats/result.md says what they are).

#include <string>
#include <vector>

#include "experiments/specification.h"

namespace resolute::experiments {

//! Every metric that a [[table]] may name, in the order of the documentation.
const std::vector<std::string>& metric_names();

//! True for a metric that each query has a value of, so that two rows can be compared query by query.
bool is_per_query(const std::string& metric);

//! True for a fraction, which tables print in per cent; the others (weights, rank correlations) stand as they are.
bool is_fraction(const std::string& metric);

//! True for a metric of the weights that a method gives its branches.
bool is_of_weights(const std::string& metric);

//! True for a rank correlation of weights with the rate, from -1 to 1.
bool is_correlation(const std::string& metric);

//! Whether a row can have a metric: correlations where its method learns weights (FTWA with its weighting), means over
//! test pairs where it also compares by them (the "weighted" distance). A row that cannot stays without that number in
//! a table whose other rows have it.
bool has_metric(const MethodOptions& method, const EvaluationProtocol& protocol, const std::string& metric);

}  // namespace resolute::experiments
