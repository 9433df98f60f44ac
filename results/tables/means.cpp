#include "results/tables/means.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace resolute::results {
namespace {

//! Sample standard deviation of at least two values.
double deviation_of(const std::vector<double>& values, double mean) {
  double sum = 0;
  for (double value : values) sum += (value - mean) * (value - mean);
  return std::sqrt(sum / static_cast<double>(values.size() - 1));
}

//! The mean of a number that the cells all have.
std::optional<double> mean_over(const std::vector<const Cell*>& cells, std::optional<double> Cell::*number) {
  std::vector<double> values;
  for (const Cell* cell : cells)
    if (const auto& value = cell->*number) values.push_back(*value);
  return values.size() == cells.size() ? std::optional(mean_of(values)) : std::nullopt;
}

//! Appends those that are not there yet.
void add_new(std::vector<std::string>& to, const std::vector<std::string>& more) {
  for (const std::string& one : more)
    if (std::ranges::find(to, one) == to.end()) to.push_back(one);
}

//! One metric of a row over several data sets: trial by trial the mean. \param cells of these data sets
Cell mean_cell(const std::vector<const Cell*>& cells) {
  Cell mean;
  mean.dataset = experiments::kMeanColumn;
  mean.metric = cells.front()->metric;
  mean.status = CellStatus::kComplete;
  mean.trials = mean.trials_needed = cells.front()->trials_needed;
  std::vector<std::string> papers;
  double error = 0;
  for (const Cell* cell : cells) {
    mean.trials = std::min(mean.trials, cell->trials);
    mean.jobs.insert(mean.jobs.end(), cell->jobs.begin(), cell->jobs.end());
    // The part itself says what is wrong; the mean is as little a number.
    if (mean.status == CellStatus::kComplete) mean.status = cell->status;
    mean.no_reference = mean.no_reference || cell->no_reference;
    if (!cell->paper_dataset.empty()) add_new(papers, {cell->paper_dataset});
    error += cell->reference_error.value_or(0) / static_cast<double>(cells.size());
    add_new(mean.footnotes, cell->footnotes);
    add_new(mean.own_footnotes, cell->own_footnotes);
  }
  mean.reference = mean_over(cells, &Cell::reference);
  if (mean.reference) mean.paper_dataset = fmt::format("{}", fmt::join(papers, ", "));
  if (mean.reference && error > 0) mean.reference_error = error;
  if (!mean.reference && !mean.no_reference) mean.footnotes.clear();  // of a number that is not shown
  mean.chance = mean_over(cells, &Cell::chance);
  std::vector<double> complete;
  for (std::size_t trial = 0; trial < cells.front()->values.size(); ++trial) {
    std::vector<double> values;
    for (const Cell* cell : cells)
      if (const auto& value = cell->values[trial]) values.push_back(*value);
    mean.values.emplace_back();
    if (values.size() < cells.size()) continue;
    complete.push_back(mean_of(values));
    mean.values.back() = complete.back();
  }
  if (mean.status == CellStatus::kComplete) fill_mean(mean, complete);
  return mean;
}

}  // namespace

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

void fill_mean(Cell& cell, const std::vector<double>& values) {
  cell.mean = mean_of(values);
  if (values.size() > 1) cell.std = deviation_of(values, *cell.mean);
}

void add_means(Row& row, const experiments::TablePlan& plan) {
  if (plan.mean_of.empty()) return;
  std::vector<Cell> means;
  for (const std::string& metric : plan.metrics) {
    std::vector<const Cell*> cells;
    for (const Cell& cell : row.cells)
      if (cell.metric == metric && std::ranges::find(plan.mean_of, cell.dataset) != plan.mean_of.end())
        cells.push_back(&cell);
    means.push_back(mean_cell(cells));
  }
  row.cells.insert(row.cells.end(), means.begin(), means.end());
}

void add_means(experiments::PublishedRow& row, const experiments::TablePlan& plan) {
  for (const std::string& metric : plan.metrics) {
    std::vector<double> values;
    std::vector<std::string> footnotes, papers;
    bool lacks = false;
    for (const std::string& dataset : plan.mean_of) {
      if (const auto value = published_number(row, dataset, metric)) values.push_back(*value);
      lacks = lacks || published_lacks(row, dataset, metric);
      add_new(footnotes, published_footnotes(row, dataset, metric));
      if (const std::string papers_set = published_dataset(row, dataset, metric); !papers_set.empty())
        add_new(papers, {papers_set});
    }
    const bool all = !values.empty() && values.size() == plan.mean_of.size();
    if (all) {
      row.numbers[experiments::kMeanColumn][metric] = mean_of(values);
      row.paper[experiments::kMeanColumn].datasets[metric] = fmt::format("{}", fmt::join(papers, ", "));
    }
    if (lacks) row.paper[experiments::kMeanColumn].no_reference.insert(metric);
    if ((all || lacks) && !footnotes.empty())
      row.paper[experiments::kMeanColumn].footnotes[metric] = std::move(footnotes);
  }
}

}  // namespace resolute::results
