#pragma once
//! \file
//! The curves of trainings, overlaid: a figure for each table, data set and logged number.

#include <functional>
#include <vector>

#include "experiments/specification/plan.h"
#include "report/figures/figure.h"
#include "results/exports/logged_numbers.h"

namespace resolute::report {

//! The numbers that a training logged; asked once for each.
using TrainingNumbersLookup = std::function<results::TrainingNumbers(const experiments::JobId& training)>;

//! Losses, and scores of evaluations on the way. A series is a training, named after its row; it has at most 100
//! points, each the mean over as many steps as lie between two. A training that several tables share is read once.
std::vector<Figure> training_curves(const experiments::Plan& plan, const TrainingNumbersLookup& lookup);

}  // namespace resolute::report
