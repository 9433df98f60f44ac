#pragma once
//! \file
//! Figures of a suite's numbers: bars of tables with the paper's beside them, CMC curves, scores by rate, and scores
//! over a setting that rows sweep.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "experiments/specification/plan.h"
#include "report/figures/figure.h"
#include "results/exports/cmc.h"
#include "results/records/record.h"
#include "results/tables/aggregation.h"
#include "results/tables/comparison.h"

namespace resolute::report {

//! CMC curves of evaluations that are there.
using CmcCurves = std::map<results::JobId, std::vector<results::CmcPoint>>;

//! Intervals of a row's means on a data set (results::mean_intervals()).
using MeanIntervals = std::function<results::MetricIntervals(const results::Row& row, const std::string& dataset,
                                                             const std::vector<std::string>& metrics)>;

//! Intervals of the mean CMC curves over these evaluations (results::curve_intervals()).
using CurveIntervals =
    std::function<std::map<int, results::MetricIntervals>(const std::vector<results::JobId>& evaluations)>;

//! For each table and each of its metrics, at most three: one bar per row and data set, with the interval of its mean,
//! and marks at the paper's numbers. A mean that is not over queries has no interval. None where no cell is complete.
std::vector<Figure> ablation_figures(const results::SuiteTables& tables, const MeanIntervals& intervals);

//! For each table and each of its metrics with numbers of ours against the paper's: ours minus the paper's with its
//! interval, a bar per row and data set, and marks at both ends of the margin. None where nothing was compared.
std::vector<Figure> paper_figures(const results::SuiteTables& tables);

//! For each table and data set: the CMC curve of each row, the mean over trials that are there, with its interval; the
//! caption says where some are missing. A row whose parts do not fit together (kStale, kMixed) has none.
//! \param tables aggregate() of the plan
std::vector<Figure> cmc_figures(const experiments::Plan& plan, const results::SuiteTables& tables,
                                const CmcCurves& curves, const CurveIntervals& intervals);

//! For each table and data set with queries at two rates or more: rank-1 of each row by the rate of the queries, the
//! mean over trials that are there, with its interval; else as cmc_figures().
std::vector<Figure> rate_figures(const experiments::Plan& plan, const results::SuiteTables& tables,
                                 const CmcCurves& curves, const CurveIntervals& intervals);

//! For each table and data set with rows that differ in one numeric setting alone, at three values or more, a group:
//! each of the table's metrics, at most three, over that setting, named as suites spell it. The share of labelled
//! images, the number of training identities, a loss' weight. On a logarithmic scale where values span ten times.
std::vector<Figure> sweep_figures(const experiments::Plan& plan, const results::SuiteTables& tables,
                                  const MeanIntervals& intervals);

}  // namespace resolute::report
