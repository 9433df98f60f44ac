#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <sstream>

#include "report/figures/mean_points.h"
#include "report/figures/result_figures.h"
#include "results/tables/setting_differences.h"

namespace resolute::report {
namespace {

using experiments::TablePlan;

constexpr std::size_t kLeastSwept = 3;  // values of a setting that make a curve
constexpr std::size_t kMostTicks = 8;   // of an axis that names each value
constexpr double kDecade = 10;          // how far values span that stand on a logarithmic scale

//! Settings of an evaluation and its training: a value of JSON by key, as suites spell it.
using Settings = std::map<std::string, std::string>;

std::map<results::JobId, Settings> settings_of(const experiments::Plan& plan) {
  std::map<results::JobId, const experiments::TrainingSpecification*> trainings;
  std::map<results::JobId, Settings> settings;
  for (const experiments::PlannedJob& job : plan.jobs) {
    if (const auto* training = std::get_if<experiments::TrainingSpecification>(&job.specification))
      trainings[job.id] = training;
    if (const auto* evaluation = std::get_if<experiments::EvaluationSpecification>(&job.specification)) {
      settings[job.id] = results::settings_of(*trainings.at(evaluation->training), *evaluation, 1);
      settings[job.id].erase("trials");
    }
  }
  return settings;
}

std::optional<double> number_in(const Settings& settings, const std::string& key) {
  const auto found = settings.find(key);
  if (found == settings.end()) return std::nullopt;
  const core::Json value = core::Json::parse(found->second);
  return value.is_number() ? std::optional(value.get<double>()) : std::nullopt;
}

struct SweptRow {
  double value;
  std::size_t row;
};

//! Rows of a table, by places, with the settings of their first trial on one data set.
using RowSettings = std::map<std::size_t, Settings>;

RowSettings rows_of(const TablePlan& table, std::size_t d, const std::map<results::JobId, Settings>& settings) {
  RowSettings rows;
  for (std::size_t row = 0; row < table.rows.size(); ++row)
    if (const auto& evaluations = table.rows[row].cells.at(d).evaluations; !evaluations.empty())
      rows[row] = settings.at(evaluations.front());
  return rows;
}

//! Rows that differ in `key` alone, by what they have in common, in the order of their values.
std::vector<std::vector<SweptRow>> swept_by(const std::string& key, const RowSettings& all) {
  std::map<Settings, std::vector<SweptRow>> groups;
  for (auto [row, settings] : all)
    if (const auto value = number_in(settings, key)) {
      settings.erase(key);
      groups[std::move(settings)].push_back({*value, row});
    }
  std::vector<std::vector<SweptRow>> swept;
  for (auto& [rest, rows] : groups) {
    std::ranges::stable_sort(rows, [](const auto& a, const auto& b) { return a.value < b.value; });
    std::set<double> values;
    for (const SweptRow& row : rows) values.insert(row.value);
    if (values.size() >= kLeastSwept) swept.push_back(std::move(rows));
  }
  std::ranges::sort(swept, {}, [](const auto& rows) { return rows.front().row; });
  return swept;
}

//! Keys of numbers in which rows differ.
std::set<std::string> differing_keys(const RowSettings& rows) {
  std::map<std::string, std::set<std::string>> values;
  for (const auto& [row, settings] : rows)
    for (const auto& [key, value] : settings) values[key].insert(value);
  std::set<std::string> keys;
  for (const auto& [key, points] : values)
    if (points.size() >= kLeastSwept) keys.insert(key);
  return keys;
}

std::vector<std::string> words_in(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

//! The words that labels of swept rows have in common: "weight 0.1" and "weight 10" are "weight".
std::string common_name(const TablePlan& table, const std::vector<SweptRow>& rows, const std::string& otherwise) {
  std::vector<std::string> begin = words_in(table.rows[rows.front().row].label), end = begin;
  std::size_t fewest = begin.size();
  for (const SweptRow& row : rows) {
    const std::vector<std::string> words = words_in(table.rows[row.row].label);
    fewest = std::min(fewest, words.size());
    begin.erase(std::ranges::mismatch(begin, words).in1, begin.end());
    const auto same = std::mismatch(end.rbegin(), end.rend(), words.rbegin(), words.rend()).first;
    end.erase(end.begin(), same.base());
  }
  if (begin.size() + end.size() > fewest) end.clear();  // they would share a word
  begin.insert(begin.end(), end.begin(), end.end());
  return begin.empty() ? otherwise : fmt::format("{}", fmt::join(begin, " "));
}

//! The setting's axis: its values, on a logarithmic scale where they span ten times.
FigureAxis swept_axis(const std::string& key, const std::vector<std::vector<SweptRow>>& groups) {
  std::set<double> values;
  for (const auto& rows : groups)
    for (const SweptRow& row : rows) values.insert(row.value);
  FigureAxis axis{key};
  axis.log = *values.begin() > 0 && *values.rbegin() >= kDecade * *values.begin();
  if (values.size() <= kMostTicks) axis.ticks.assign(values.begin(), values.end());
  return axis;
}

Figure sweep_frame(const experiments::Plan& plan, const TablePlan& table, const std::string& dataset,
                   const std::string& key, const std::string& metric) {
  const std::string where = column_title(plan, dataset);
  return {.id = figure_id({table.id, dataset, key, metric}),
          .section = FigureSection::kSweeps,
          .kind = FigureKind::kLines,
          .title = fmt::format("{}: {} over {}, {}", table.title, heading_of(metric), key, where),
          .caption =
              experiments::metric_named(metric)->is_per_query()
                  ? fmt::format("Rows that differ in this setting alone: the mean over the trials, and {}.", kInterval)
                  : "Rows that differ in this setting alone: the mean over the trials.",
          .group = fmt::format("{}: over {}, {}", table.title, key, where),
          .stand_in = is_stand_in(plan, dataset),
          .y = {unit_of(metric)}};
}

FigureSeries sweep_series(const results::Table& table, const std::string& dataset, const std::string& metric,
                          const std::vector<SweptRow>& swept, const MeanIntervals& intervals) {
  FigureSeries series;
  for (const SweptRow& one : swept) {
    const results::Row& row = table.rows.at(one.row);
    if (const auto& cell = row.at(dataset, metric); cell.mean) {
      const results::MetricIntervals known = intervals(row, dataset, table.metrics);
      series.points.push_back(point_of(one.value, cell.mean, interval_of(known, metric)));
    }
  }
  return series;
}

}  // namespace

std::vector<Figure> sweep_figures(const experiments::Plan& plan, const results::SuiteTables& tables,
                                  const MeanIntervals& intervals) {
  const std::map<results::JobId, Settings> settings = settings_of(plan);
  std::vector<Figure> figures;
  for (std::size_t t = 0; t < plan.tables.size(); ++t) {
    const TablePlan& table = plan.tables[t];
    const results::Table& numbers = tables.tables.at(t);
    for (std::size_t d = 0; d < table.datasets.size(); ++d) {
      const RowSettings rows = rows_of(table, d, settings);
      for (const std::string& key : differing_keys(rows)) {
        const auto groups = swept_by(key, rows);
        if (groups.empty()) continue;
        for (std::size_t m = 0; m < std::min(table.metrics.size(), kMostMetrics); ++m) {
          Figure figure = sweep_frame(plan, table, table.datasets[d], key, table.metrics[m]);
          figure.x = swept_axis(key, groups);
          for (const auto& swept : groups)
            if (auto series = sweep_series(numbers, table.datasets[d], table.metrics[m], swept, intervals);
                has_number(series)) {
              series.name = common_name(table, swept, key);
              figure.series.push_back(std::move(series));
            }
          if (!figure.series.empty()) figures.push_back(std::move(figure));
        }
      }
    }
  }
  return figures;
}

}  // namespace resolute::report
