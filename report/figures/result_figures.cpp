#include "report/figures/result_figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "experiments/specification/metrics.h"

namespace resolute::report {
namespace {

using experiments::CellPlan;
using experiments::RowPlan;
using experiments::TablePlan;

constexpr std::size_t kMostMetrics = 3;  // of a table that are drawn
constexpr std::size_t kLeastSwept = 3;   // values of a setting that make a curve

std::string heading_of(const std::string& metric) {
  const experiments::MetricName name = experiments::metric_named(metric);
  return name->heading_at(name.rate);
}

std::string unit_of(const std::string& metric) {
  const char* legend = experiments::metric_named(metric)->unit->legend;
  return legend == nullptr ? fmt::format("{}, per cent", heading_of(metric)) : heading_of(metric);
}

FigurePoint point_of(double x, const results::Cell& cell) {
  FigurePoint point{.x = x, .y = cell.mean};
  if (cell.mean && cell.std) {
    point.low = *cell.mean - *cell.std;
    point.high = *cell.mean + *cell.std;
  }
  return point;
}

bool has_number(const FigureSeries& series) {
  return std::any_of(series.points.begin(), series.points.end(), [](const auto& point) { return point.y.has_value(); });
}

//! Intervals of a table's means.
using CellIntervals = std::map<const results::Cell*, results::BootstrapInterval>;

//! A table's bars of one metric on one data set, and the paper's marks where it prints any. \param intervals nothing:
//! standard deviations
std::pair<FigureSeries, FigureSeries> bars_of(const results::Table& table, const std::string& dataset,
                                              const std::string& metric, const CellIntervals* intervals) {
  FigureSeries ours{.name = column_title(table, dataset)};
  FigureSeries papers{.name = fmt::format("{}, the paper", ours.name), .reference = true};
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    const results::Cell& cell = table.rows[row].at(dataset, metric);
    FigurePoint point = point_of(static_cast<double>(row), cell);
    if (intervals != nullptr) {
      point.low = point.high = std::nullopt;
      if (const auto found = intervals->find(&cell); found != intervals->end() && cell.mean) {
        point.low = found->second.low;
        point.high = found->second.high;
      }
    }
    ours.points.push_back(point);
    if (cell.reference) papers.points.push_back({.x = static_cast<double>(row), .y = cell.reference});
  }
  return {std::move(ours), std::move(papers)};
}

Figure bars_frame(const results::Table& table, const std::string& metric, bool with_intervals) {
  Figure figure{.id = figure_id({table.id, metric, "bars"}),
                .section = FigureSection::kAblations,
                .kind = FigureKind::kBars,
                .title = fmt::format("{}: {}", table.title, heading_of(metric)),
                .caption = fmt::format(
                    "One bar per row and data set: the mean over the trials, and {}. Marks are the paper's numbers.",
                    with_intervals ? "its 95 % interval for new people and new trainings"
                                   : "one standard deviation to each side")};
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
                .caption =
                    "Ours minus the paper's number, which is taken as exact, with its 95 % interval for new people of "
                    "this kind and new trainings. Marks are the ends of the margin."};
  figure.y.title = fmt::format("{}, points from the paper's number", heading_of(metric));
  return figure;
}

//! Mean and sample standard deviation of values that are there.
FigurePoint mean_point(double x, const std::vector<double>& values) {
  double sum = 0, squares = 0;
  for (double value : values) sum += value;
  const double mean = sum / static_cast<double>(values.size());
  for (double value : values) squares += (value - mean) * (value - mean);
  FigurePoint point{.x = x, .y = mean};
  if (values.size() > 1) {
    const double deviation = std::sqrt(squares / static_cast<double>(values.size() - 1));
    point.low = mean - deviation;
    point.high = mean + deviation;
  }
  return point;
}

//! A row's points by `place_of` a point of a curve; points for which it gives nothing are left out.
template <class PlaceOf>
FigureSeries curve_of(const RowPlan& row, const CellPlan& cell, const CmcCurves& curves, PlaceOf place_of) {
  std::map<int, std::vector<double>> shares;
  for (const results::JobId& evaluation : cell.evaluations)
    if (const auto found = curves.find(evaluation); found != curves.end())
      for (const results::CmcPoint& point : found->second)
        if (const std::optional<int> place = place_of(point)) shares[*place].push_back(100 * point.share);
  FigureSeries series{.name = row.label};
  for (const auto& [place, values] : shares) series.points.push_back(mean_point(place, values));
  return series;
}

//! A figure for each table and data set, with a series a row that has at least `least` points.
template <class PlaceOf>
std::vector<Figure> curves_of(const experiments::Plan& plan, const CmcCurves& curves, const Figure& frame,
                              std::size_t least, PlaceOf place_of) {
  std::vector<Figure> figures;
  for (const TablePlan& table : plan.tables)
    for (std::size_t d = 0; d < table.datasets.size(); ++d) {
      Figure figure = frame;
      figure.id = figure_id({table.id, table.datasets[d], frame.id});
      figure.title = fmt::format("{}: {}, {}", table.title, frame.title, column_title(plan, table.datasets[d]));
      figure.stand_in = is_stand_in(plan, table.datasets[d]);
      for (const RowPlan& row : table.rows) {
        FigureSeries series = curve_of(row, row.cells.at(d), curves, place_of);
        if (series.points.size() >= least) figure.series.push_back(std::move(series));
      }
      if (!figure.series.empty()) figures.push_back(std::move(figure));
    }
  return figures;
}

//! All numbers in a specification, by their keys, and the rest of it as text.
void take_numbers(const core::Json& json, const std::string& key, std::map<std::string, double>& numbers) {
  if (json.is_object())
    for (const auto& [name, value] : json.items()) take_numbers(value, key.empty() ? name : key + "." + name, numbers);
  else if (json.is_number())
    numbers[key] = json.get<double>();
}

void remove_key(core::Json& json, const std::string& key) {
  const auto dot = key.find('.');
  if (dot == std::string::npos)
    json.erase(key);
  else
    remove_key(json.at(key.substr(0, dot)), key.substr(dot + 1));
}

//! Settings of a row's first trial on a data set: the specifications of its training and its evaluation, without the
//! training's id.
using Settings = std::map<results::JobId, core::Json>;

Settings settings_of(const experiments::Plan& plan) {
  Settings trainings, settings;
  for (const experiments::PlannedJob& job : plan.jobs) {
    const core::Json specification = experiments::to_json(job.specification);
    if (std::holds_alternative<experiments::TrainingSpecification>(job.specification))
      trainings[job.id] = specification;
    if (const auto* evaluation = std::get_if<experiments::EvaluationSpecification>(&job.specification)) {
      core::Json both = trainings.at(evaluation->training);
      both["protocol"] = specification.at("protocol");
      settings[job.id] = std::move(both);
    }
  }
  return settings;
}

struct SweptRow {
  double value;
  std::size_t row;
};

//! Rows of a table on a data set that differ in `key` alone, by what they have in common.
std::map<std::string, std::vector<SweptRow>> swept_by(const std::string& key, const TablePlan& table, std::size_t d,
                                                      const Settings& settings) {
  std::map<std::string, std::vector<SweptRow>> groups;
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    const CellPlan& cell = table.rows[row].cells.at(d);
    if (cell.evaluations.empty()) continue;
    core::Json rest = settings.at(cell.evaluations.front());
    std::map<std::string, double> numbers;
    take_numbers(rest, {}, numbers);
    const auto found = numbers.find(key);
    if (found == numbers.end()) continue;
    remove_key(rest, key);
    groups[rest.dump()].push_back({found->second, row});
  }
  for (auto& [rest, rows] : groups)
    std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.value < b.value; });
  std::erase_if(groups, [](const auto& group) {
    std::set<double> values;
    for (const SweptRow& row : group.second) values.insert(row.value);
    return values.size() < kLeastSwept;
  });
  return groups;
}

//! Keys of numbers in which rows of a table on a data set differ.
std::set<std::string> differing_keys(const TablePlan& table, std::size_t d, const Settings& settings) {
  std::map<std::string, std::set<double>> values;
  for (const RowPlan& row : table.rows) {
    if (row.cells.at(d).evaluations.empty()) continue;
    std::map<std::string, double> numbers;
    take_numbers(settings.at(row.cells[d].evaluations.front()), {}, numbers);
    for (const auto& [key, value] : numbers) values[key].insert(value);
  }
  std::set<std::string> keys;
  for (const auto& [key, points] : values)
    if (points.size() >= kLeastSwept) keys.insert(key);
  return keys;
}

}  // namespace

std::vector<Figure> ablation_figures(const results::SuiteTables& tables, const MeanIntervals& intervals) {
  std::vector<Figure> figures;
  for (const results::Table& table : tables.tables) {
    CellIntervals mean_intervals;
    for (const results::Row& row : table.rows)
      for (const std::string& dataset : table.datasets)
        for (const auto& [metric, interval] : intervals(row, dataset, table.metrics))
          mean_intervals[&row.at(dataset, metric)] = interval;
    for (std::size_t m = 0; m < std::min(table.metrics.size(), kMostMetrics); ++m) {
      const std::string& metric = table.metrics[m];
      const bool drawn =
          std::ranges::any_of(mean_intervals, [&](const auto& one) { return one.first->metric == metric; });
      Figure figure = bars_frame(table, metric, drawn);
      for (const std::string& dataset : table.datasets) {
        auto [ours, papers] = bars_of(table, dataset, metric, drawn ? &mean_intervals : nullptr);
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

std::vector<Figure> cmc_figures(const experiments::Plan& plan, const CmcCurves& curves) {
  const Figure frame{.id = "cmc",
                     .section = FigureSection::kCmc,
                     .title = "CMC",
                     .caption =
                         "Share of the queries whose first right image is among the first so many of the gallery; mean "
                         "over the trials, and one standard deviation to each side.",
                     .x = {"rank"},
                     .y = {"queries matched, per cent"}};
  return curves_of(plan, curves, frame, 1, [](const results::CmcPoint& point) {
    return point.rate == 0 ? std::optional(point.rank) : std::nullopt;
  });
}

std::vector<Figure> rate_figures(const experiments::Plan& plan, const CmcCurves& curves) {
  const Figure frame{.id = "rates",
                     .section = FigureSection::kRates,
                     .title = "rank-1 by rate",
                     .caption =
                         "rank-1 of the queries that were down-sampled at each rate; mean over the trials, and one "
                         "standard deviation to each side.",
                     .x = {"down-sampling rate of the queries"},
                     .y = {"rank-1, per cent"}};
  return curves_of(plan, curves, frame, 2, [](const results::CmcPoint& point) {
    return point.rate > 0 && point.rank == 1 ? std::optional(point.rate) : std::nullopt;
  });
}

std::vector<Figure> sweep_figures(const experiments::Plan& plan, const results::SuiteTables& tables) {
  const Settings settings = settings_of(plan);
  std::vector<Figure> figures;
  for (std::size_t t = 0; t < plan.tables.size(); ++t) {
    const TablePlan& table = plan.tables[t];
    const results::Table& numbers = tables.tables.at(t);
    const std::string& metric = table.metrics.front();
    for (std::size_t d = 0; d < table.datasets.size(); ++d)
      for (const std::string& key : differing_keys(table, d, settings)) {
        Figure figure{.id = figure_id({table.id, table.datasets[d], key}),
                      .section = FigureSection::kSweeps,
                      .kind = FigureKind::kLines,
                      .title = fmt::format("{}: {} over {}, {}", table.title, heading_of(metric), key,
                                           column_title(plan, table.datasets[d])),
                      .caption =
                          "Rows that differ in this setting alone; mean over the trials, and one standard deviation to "
                          "each side.",
                      .stand_in = is_stand_in(plan, table.datasets[d]),
                      .x = {key},
                      .y = {unit_of(metric)}};
        for (const auto& [rest, rows] : swept_by(key, table, d, settings)) {
          FigureSeries series{.name = table.rows[rows.front().row].label};
          for (const SweptRow& row : rows)
            if (const auto& cell = numbers.rows.at(row.row).at(table.datasets[d], metric); cell.mean)
              series.points.push_back(point_of(row.value, cell));
          if (has_number(series)) figure.series.push_back(std::move(series));
        }
        if (!figure.series.empty()) figures.push_back(std::move(figure));
      }
  }
  return figures;
}

}  // namespace resolute::report
