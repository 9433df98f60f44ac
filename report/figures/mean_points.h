#pragma once
//! \file
//! Internal to result_figures.cpp and sweep_figures.cpp: points at means of a table's metrics, and the words for them.

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>

#include "experiments/specification/metrics.h"
#include "report/figures/figure.h"
#include "results/tables/comparison.h"

namespace resolute::report {

inline constexpr std::size_t kMostMetrics = 3;  //!< of a table that are drawn

inline std::string heading_of(const std::string& metric) { return experiments::metric_named(metric).heading(); }

inline std::string unit_of(const std::string& metric) {
  const char* legend = experiments::metric_named(metric)->unit->legend;
  return legend == nullptr ? fmt::format("{}, per cent", heading_of(metric)) : heading_of(metric);
}

//! The one kind of interval in all figures.
inline constexpr const char* kInterval = "its 95 % interval for new people and new trainings";

//! \param interval of y; null where there is none
inline FigurePoint point_of(double x, std::optional<double> y, const results::BootstrapInterval* interval) {
  FigurePoint point{.x = x, .y = y};
  if (y && interval != nullptr) {
    point.low = interval->low;
    point.high = interval->high;
  }
  return point;
}

//! The interval of a metric; null where there is none.
inline const results::BootstrapInterval* interval_of(const results::MetricIntervals& intervals,
                                                     const std::string& metric) {
  const auto found = intervals.find(metric);
  return found == intervals.end() ? nullptr : &found->second;
}

inline bool has_number(const FigureSeries& series) {
  return std::ranges::any_of(series.points, [](const auto& point) { return point.y.has_value(); });
}

}  // namespace resolute::report
