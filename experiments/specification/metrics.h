#pragma once
//! \file
//! An evaluation's numbers by their names (their rows: outputs.h): what a table may show, and of which methods and
//! protocols.

#include <optional>
#include <string>
#include <vector>

#include "experiments/specification/outputs.h"

namespace resolute::experiments {

//! A name as a result or a table has it.
struct MetricName {
  const Metric* metric;
  int rate = 0;  //!< of the LR images, where the metric has one
  const Metric* operator->() const { return metric; }
  std::string heading() const { return metric->heading_at(rate); }
};
//! Nothing for a name that is none.
std::optional<MetricName> find_metric(const std::string& name);
//! \pre find_metric() knows it
MetricName metric_named(const std::string& name);

//! The metrics that a [[table]] may name, in the order of the documentation; those of a rate at rates 2, 3 and 4 only.
const std::vector<std::string>& metric_names();

//! True for every metric that a [[table]] may name: metric_names(), and those of a rate at any rate.
bool is_metric(const std::string& name);

//! Tells whether a row can have a metric; one that cannot stays without that number in a table whose other rows have
//! it.
bool has_metric(const MethodOptions& method, const EvaluationProtocol& protocol, const std::string& metric);

//! Tells whether an evaluation asks its training's own question: that of evaluations on the way (docs/inside/worker.md,
//! "While it runs"), by the protocol single-shot and the method's own distance. Another number of gallery draws asks
//! the same.
bool asks_as_training_does(const EvaluationSpecification& evaluation, const MethodOptions& method);

//! \param needs null: nothing
bool has(const Ability* needs, const MethodOptions& method, const EvaluationProtocol& protocol);

//! Names of the methods that have an ability at their default options.
std::vector<std::string> methods_able(const Ability& ability);

//! Tells whether evaluations of the method by the protocol leave the file.
bool leaves(const Output& output, const MethodOptions& method, const EvaluationProtocol& protocol);

}  // namespace resolute::experiments
