#pragma once
//! \file
//! Figures of a suite's numbers: bars of tables with the paper's beside them, CMC curves, scores by rate, and scores
//! over a setting that rows sweep.

#include <functional>
#include <map>
#include <optional>
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

//! For each table and each of its metrics, at most three: one bar per row and data set, with the interval of its mean,
//! and marks at the paper's numbers. A metric whose means have no intervals has one standard deviation to each side.
//! None where no cell is complete.
std::vector<Figure> ablation_figures(const results::SuiteTables& tables, const MeanIntervals& intervals);

//! For each table and each of its metrics with numbers of ours against the paper's: ours minus the paper's with its
//! interval, a bar per row and data set, and marks at both ends of the margin. None where nothing was compared.
std::vector<Figure> paper_figures(const results::SuiteTables& tables);

//! For each table and data set: the CMC curve of each row, the mean over trials that are there.
std::vector<Figure> cmc_figures(const experiments::Plan& plan, const CmcCurves& curves);

//! For each table and data set with queries at two rates or more: rank-1 of each row by the rate of the queries, mean
//! and standard deviation over trials that are there.
std::vector<Figure> rate_figures(const experiments::Plan& plan, const CmcCurves& curves);

//! For each table and data set with rows that differ in one numeric setting alone, at three values or more: rank-1 over
//! that setting. The share of labelled images, the number of training identities, a loss' weight.
std::vector<Figure> sweep_figures(const experiments::Plan& plan, const results::SuiteTables& tables);

}  // namespace resolute::report
