#pragma once
//! \file
//! Parts of make_plan(), each with a file of its own: steps in the place of epochs, what a table asks of its rows, and
//! the papers' share of it. For the planner alone.

#include <functional>
#include <string>
#include <vector>

#include "experiments/language/reference.h"
#include "experiments/planning/combination.h"

namespace resolute::experiments {

// counted_epochs.cpp: lengths that a row gives in epochs (settings/epochs.h), as the steps that its jobs hold

//! How training images are counted.
struct ImageCount {
  const TrainingImages& counted;
  bool estimate = false;  //!< by what is published of the source, where neither pack nor raw images are here
};

//! Tells whether a row's settings, all layers laid over one another, have a length in epochs.
bool speaks_of_epochs(const Settings& settings);

//! Puts steps in the place of what the row gives in epochs, counted by the images of the training's own split; the
//! other members have passed their checks. More steps than a training may have come out as one more than those, to be
//! refused as they are. \param joined of the training's joined sets, in their order \param epochs of the row's settings
//! \param lengths one for each length, in the order of the keys: filled by a row's first trial, widened by its others
//! \throws RuntimeError (kInput), with the key's place, where the images cannot be counted
void count_steps(const Combination& combination, const std::vector<Combination>& joined,
                 const settings::EpochSettings& epochs, const ImageCount& training_images,
                 TrainingSpecification& training, std::vector<EpochsPlan>& lengths);

// table_checks.cpp: a table asks this of its rows and their jobs

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

// from_papers.cpp: orders of rows, numbers of others' methods, what is not known of them

//! A column's title for people (specification/plan.h).
using TitleOf = std::function<std::string(const std::string& column)>;

//! Gives a cell what the file says beside it: the number of a metric is that of the first request which has it.
//! \param requests of the cell's row \throws RuntimeError (kInput) with the request's place if there is no such entry
void add_papers(CellPlan& cell, const std::vector<ReferenceRequest>& requests, const std::vector<std::string>& metrics,
                const ReferenceNumbers& references, const TitleOf& title_of);

//! True of a data set of ours whose column has the papers' numbers.
using Shows = std::function<bool(const std::string& dataset)>;

//! Gives a table, whose rows have all else, its claims, its published rows, and what is not known of them.
//! \throws RuntimeError (kInput) with the place of the key that is wrong
void add_papers(TablePlan& table, const TableText& text, const ReferenceNumbers& references, const Shows& shows,
                const TitleOf& title_of);

}  // namespace resolute::experiments
