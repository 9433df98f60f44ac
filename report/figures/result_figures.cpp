#include "report/figures/result_figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "experiments/specification/metrics.h"
#include "report/figures/mean_points.h"
#include "results/tables/paper_number.h"

namespace resolute::report {
namespace {

using experiments::CellPlan;
using experiments::RowPlan;
using experiments::TablePlan;

//! Intervals of a table's means.
using CellIntervals = std::map<const results::Cell*, results::BootstrapInterval>;

CellIntervals cell_intervals(const results::Table& table, const MeanIntervals& intervals) {
  CellIntervals found;
  for (const results::Row& row : table.rows)
    for (const std::string& dataset : table.datasets)
      for (const auto& [metric, interval] : intervals(row, dataset, table.metrics))
        found[&row.at(dataset, metric)] = interval;
  return found;
}

//! A table's bars of one metric on one data set, and the paper's marks where it prints any.
std::pair<FigureSeries, FigureSeries> bars_of(const results::Table& table, const std::string& dataset,
                                              const std::string& metric, const CellIntervals& intervals) {
  FigureSeries ours{.name = column_title(table, dataset)};
  FigureSeries papers{.name = fmt::format("{}, the paper", ours.name), .reference = true};
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    const results::Cell& cell = table.rows[row].at(dataset, metric);
    const auto found = intervals.find(&cell);
    const auto place = static_cast<double>(row);
    ours.points.push_back(point_of(place, cell.mean, found == intervals.end() ? nullptr : &found->second));
    if (cell.reference) papers.points.push_back({.x = place, .y = cell.reference});
  }
  return {std::move(ours), std::move(papers)};
}

//! The words that a reader needs beside the papers' numbers in a figure of one metric.
std::string of_papers(const results::Table& table, const std::string& metric) {
  std::string text;
  for (const std::string& dataset : table.datasets)
    if (const std::string other = results::other_datasets(table, dataset, metric); !other.empty())
      text += fmt::format("{} {}", text.empty() ? "" : ";", other);
  return text.empty() ? text : text + ".";
}

bool has_papers_number(const results::Table& table, const std::string& metric) {
  return std::ranges::any_of(table.rows, [&](const results::Row& row) {
    return std::ranges::any_of(row.cells,
                               [&](const results::Cell& cell) { return cell.metric == metric && cell.reference; });
  });
}

Figure bars_frame(const results::Table& table, const std::string& metric) {
  const std::string interval = experiments::metric_named(metric)->is_per_query()
                                   ? fmt::format(", and {}", kInterval)
                                   : "; it is no mean over queries and has no interval";
  Figure figure{.id = figure_id({table.id, metric, "bars"}),
                .section = FigureSection::kAblations,
                .kind = FigureKind::kBars,
                .title = fmt::format("{}: {}", table.title, heading_of(metric)),
                .caption = fmt::format("One bar per row and data set: the mean over the trials{}.{}{}", interval,
                                       has_papers_number(table, metric) ? " Marks are the paper's numbers." : "",
                                       of_papers(table, metric))};
  figure.y.title = unit_of(metric);
  for (const results::Row& row : table.rows) figure.x.categories.push_back(row.label);
  return figure;
}

bool is_against_paper(const results::Row& row, const std::string& metric) {
  return std::ranges::any_of(row.cells, [&](const auto& cell) { return cell.metric == metric && cell.against_paper; });
}

//! One data set's differences, at the places of `rows`.
FigureSeries against_paper(const results::Table& table, const std::vector<const results::Row*>& rows,
                           const std::string& dataset, const std::string& metric) {
  FigureSeries series{.name = column_title(table, dataset)};
  for (std::size_t at = 0; at < rows.size(); ++at) {
    FigurePoint point{.x = static_cast<double>(at)};
    if (const auto& against = rows[at]->at(dataset, metric).against_paper) {
      point.y = against->difference;
      point.low = against->low;
      point.high = against->high;
    }
    series.points.push_back(point);
  }
  return series;
}

Figure paper_frame(const results::Table& table, const std::string& metric) {
  Figure figure{.id = figure_id({table.id, metric, "paper"}),
                .section = FigureSection::kAblations,
                .kind = FigureKind::kBars,
                .title = fmt::format("{}: {} against the paper's", table.title, heading_of(metric)),
                .caption = fmt::format("Ours minus the paper's number, which is taken as exact unless it was read off "
                                       "a plot, with its 95 % interval for "
                                       "new people of this kind and new trainings. Marks are the ends of the margin.{}",
                                       of_papers(table, metric))};
  figure.y.title = fmt::format("{}, points from the paper's number", heading_of(metric));
  return figure;
}

bool fits_together(const results::Row& row, const std::string& dataset) {
  using results::CellStatus;
  return std::ranges::none_of(row.cells, [&](const results::Cell& cell) {
    return cell.dataset == dataset && (cell.status == CellStatus::kStale || cell.status == CellStatus::kMixed);
  });
}

//! Evaluations of a cell whose curves are there.
std::vector<results::JobId> known_evaluations(const CellPlan& cell, const CmcCurves& curves) {
  std::vector<results::JobId> known;
  std::ranges::copy_if(cell.evaluations, std::back_inserter(known),
                       [&](const results::JobId& one) { return curves.contains(one); });
  return known;
}

//! A row's points by `place_of` a point of a curve; points for which it gives nothing are left out.
template <class PlaceOf>
FigureSeries curve_of(const RowPlan& row, const std::vector<results::JobId>& evaluations, const CmcCurves& curves,
                      const std::map<int, results::MetricIntervals>& intervals, PlaceOf place_of) {
  struct Place {
    results::CmcPoint point;
    double sum = 0, count = 0;
  };
  std::map<int, Place> places;
  for (const results::JobId& evaluation : evaluations)
    for (const results::CmcPoint& point : curves.at(evaluation))
      if (const std::optional<int> at = place_of(point)) {
        Place& place = places.try_emplace(*at, Place{point}).first->second;
        place.sum += 100 * point.share;
        place.count += 1;
      }
  FigureSeries series{.name = row.label};
  for (const auto& [at, place] : places) {
    const auto of_rate = intervals.find(place.point.rate);
    series.points.push_back(point_of(
        at, place.sum / place.count,
        of_rate == intervals.end() ? nullptr : interval_of(of_rate->second, fmt::format("rank{}", place.point.rank))));
  }
  return series;
}

//! A figure for each table and data set, with a series a row that has at least `least` points.
template <class PlaceOf>
std::vector<Figure> curves_of(const experiments::Plan& plan, const results::SuiteTables& tables,
                              const CmcCurves& curves, const CurveIntervals& intervals, const Figure& frame,
                              std::size_t least, PlaceOf place_of) {
  std::vector<Figure> figures;
  for (std::size_t t = 0; t < plan.tables.size(); ++t)
    for (std::size_t d = 0; d < plan.tables[t].datasets.size(); ++d) {
      const TablePlan& table = plan.tables[t];
      Figure figure = frame;
      figure.id = figure_id({table.id, table.datasets[d], frame.id});
      figure.title = fmt::format("{}: {}, {}", table.title, frame.title, column_title(plan, table.datasets[d]));
      figure.stand_in = is_stand_in(plan, table.datasets[d]);
      std::set<double> ticks;
      for (std::size_t r = 0; r < table.rows.size(); ++r) {
        const RowPlan& row = table.rows[r];
        const CellPlan& cell = row.cells.at(d);
        const std::vector<results::JobId> known = known_evaluations(cell, curves);
        if (known.empty() || !fits_together(tables.tables.at(t).rows.at(r), cell.dataset)) continue;
        FigureSeries series = curve_of(row, known, curves, intervals(known), place_of);
        if (series.points.size() < least) continue;
        for (const FigurePoint& point : series.points) ticks.insert(point.x);
        if (const std::size_t all = cell.evaluations.size(); known.size() < all)
          figure.caption += fmt::format(" {}: {} of {} trials.", row.label, known.size(), all);
        figure.series.push_back(std::move(series));
      }
      figure.x.ticks.assign(ticks.begin(), ticks.end());
      if (!figure.series.empty()) figures.push_back(std::move(figure));
    }
  return figures;
}

}  // namespace

std::vector<Figure> ablation_figures(const results::SuiteTables& tables, const MeanIntervals& intervals) {
  std::vector<Figure> figures;
  for (const results::Table& table : tables.tables) {
    const CellIntervals mean_intervals = cell_intervals(table, intervals);
    for (std::size_t m = 0; m < std::min(table.metrics.size(), kMostMetrics); ++m) {
      Figure figure = bars_frame(table, table.metrics[m]);
      for (const std::string& dataset : table.datasets) {
        auto [ours, papers] = bars_of(table, dataset, table.metrics[m], mean_intervals);
        if (!has_number(ours)) continue;
        figure.stand_in = figure.stand_in || is_stand_in(table, dataset);
        figure.series.push_back(std::move(ours));
        if (!papers.points.empty()) figure.series.push_back(std::move(papers));
      }
      if (!figure.series.empty()) figures.push_back(std::move(figure));
    }
  }
  return figures;
}

std::vector<Figure> paper_figures(const results::SuiteTables& tables) {
  std::vector<Figure> figures;
  for (const results::Table& table : tables.tables)
    for (const std::string& metric : table.metrics) {
      Figure figure = paper_frame(table, metric);
      std::vector<const results::Row*> rows;
      for (const results::Row& row : table.rows)
        if (is_against_paper(row, metric)) rows.push_back(&row);
      for (const results::Row* row : rows) figure.x.categories.push_back(row->label);
      for (const std::string& dataset : table.datasets)
        if (FigureSeries series = against_paper(table, rows, dataset, metric); has_number(series)) {
          figure.stand_in = figure.stand_in || is_stand_in(table, dataset);
          figure.series.push_back(std::move(series));
        }
      if (figure.series.empty()) continue;
      FigureSeries ends{.name = fmt::format("margin, ±{}", table.margin), .reference = true};
      for (std::size_t at = 0; at < rows.size(); ++at)
        for (const double end : {-table.margin, table.margin})
          ends.points.push_back({.x = static_cast<double>(at), .y = end});
      figure.series.push_back(std::move(ends));
      figures.push_back(std::move(figure));
    }
  return figures;
}

std::vector<Figure> cmc_figures(const experiments::Plan& plan, const results::SuiteTables& tables,
                                const CmcCurves& curves, const CurveIntervals& intervals) {
  const Figure frame{.id = "cmc",
                     .section = FigureSection::kCmc,
                     .title = "CMC",
                     .caption = fmt::format(
                         "Share of the queries whose first right image is among the first so many of the gallery, at "
                         "the ranks that are marked: the mean over the trials, and {}.",
                         kInterval),
                     .x = {"rank"},
                     .y = {"queries matched, per cent", 0, 100}};
  return curves_of(plan, tables, curves, intervals, frame, 1, [](const results::CmcPoint& point) {
    return point.rate == 0 ? std::optional(point.rank) : std::nullopt;
  });
}

std::vector<Figure> rate_figures(const experiments::Plan& plan, const results::SuiteTables& tables,
                                 const CmcCurves& curves, const CurveIntervals& intervals) {
  const Figure frame{
      .id = "rates",
      .section = FigureSection::kRates,
      .title = "rank-1 by rate",
      .caption = fmt::format(
          "rank-1 of the queries that were down-sampled at each rate: the mean over the trials, and {}.", kInterval),
      .x = {"down-sampling rate of the queries"},
      .y = {"rank-1, per cent"}};
  return curves_of(plan, tables, curves, intervals, frame, 2, [](const results::CmcPoint& point) {
    return point.rate > 0 && point.rank == 1 ? std::optional(point.rate) : std::nullopt;
  });
}

}  // namespace resolute::report
