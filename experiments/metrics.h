#pragma once
//! \file
//! The numbers of an evaluation, one row each (docs/formats/result.md says what they are): what a table may show, how,
//! and of which methods and protocols.

#include <optional>
#include <string>
#include <vector>

#include "experiments/outputs.h"
#include "experiments/specification.h"

namespace resolute::experiments {

//! In what numbers are told.
struct Unit {
  double shown;        //!< times a result's value is what tables print: 100 for per cent
  int decimals;        //!< that tables print
  const char* legend;  //!< of a table, beside per cent; null: per cent
  const char* range;   //!< of a result's values, as a refusal says it; null: any
  double least, most;
};

enum class Better { kUp, kDown, kNeither };

//! Why a table cannot show a metric, and what to set.
struct Unmeasured {
  std::string why, suggestion;
};

struct Metric {
  const char* name;     //!< its key in result.json; a rate from 2 to 16 follows where it ends in '_'
  const char* heading;  //!< of its column, {} for the rate; null: no table shows it
  const Unit* unit;
  Better better;
  const Output* output;  //!< that it is a mean over or a summary of; null: of features or distances
  const Ability* needs;  //!< of a method; null: nothing
  //! What the protocol lacks to measure it of a method that has it; null: nothing ever. \param rate as in MetricName
  std::optional<Unmeasured> (*lacks)(const EvaluationProtocol& protocol, int rate);

  bool has_rate() const { return std::string_view(name).ends_with('_'); }
  //! Whether each query has a value of it, so that two rows can be compared query by query.
  bool is_per_query() const { return output != nullptr && output->of == LeftOf::kEveryQuery; }
  //! Of its column. \param rate as in MetricName
  std::string heading_at(int rate) const;
};

//! All that this program measures but counts.
const std::vector<Metric>& metrics();

//! A name as a result or a table has it.
struct MetricName {
  const Metric* metric;
  int rate = 0;  //!< of the LR images, where the metric has one
  const Metric* operator->() const { return metric; }
};
//! Nothing for a name that is none.
std::optional<MetricName> find_metric(const std::string& name);
//! \pre find_metric() knows it
MetricName metric_named(const std::string& name);

//! The metrics that a [[table]] may name, in the order of the documentation; those of a rate at rates 2, 3 and 4 only.
const std::vector<std::string>& metric_names();

//! True for every metric that a [[table]] may name: metric_names(), and those of a rate at any rate.
bool is_metric(const std::string& name);

//! Whether a row can have a metric; one that cannot stays without that number in a table whose other rows have it.
bool has_metric(const MethodOptions& method, const EvaluationProtocol& protocol, const std::string& metric);

}  // namespace resolute::experiments
