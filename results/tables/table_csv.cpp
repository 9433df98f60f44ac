#include <fmt/ranges.h>

#include <algorithm>

#include "core/files/csv.h"
#include "results/tables/paper_number.h"
#include "results/tables/table_notes.h"
#include "results/tables/tables.h"

namespace resolute::results {
namespace {

using core::csv_field;

std::string csv_number(const std::optional<double>& value) { return value ? fmt::format("{}", *value) : std::string(); }

std::string csv_difference(const std::optional<Difference>& d) {
  if (!d) return ",,,,";
  return fmt::format("{},{},{},{},{}", csv_field(d->to), d->mean, d->low, d->high, d->trials);
}

//! A mean over data sets, which no paper prints, keeps its precision.
std::string csv_reference(const std::optional<double>& number, const std::string& dataset, bool no_reference) {
  if (!number) return no_reference ? kNoReference : "";
  return dataset == experiments::kMeanColumn ? csv_number(number) : as_printed(*number, dataset);
}

//! The field of a column that is there where some table has footnotes.
std::string csv_footnotes(const std::vector<std::string>& footnotes, bool wanted) {
  return wanted ? "," + csv_field(fmt::format("{}", fmt::join(footnotes, " "))) : "";
}

//! The fields of columns that are there where some table asks rows on other sets than they train on.
std::string csv_sets(const std::string& column, bool wanted) {
  if (!wanted) return "";
  const experiments::ColumnSets sets = experiments::sets_of(column);
  return fmt::format(",{},{}", csv_field(sets.trained_on), csv_field(sets.asked_on));
}

std::vector<std::string> all_footnotes(const Cell& cell) {
  std::vector<std::string> all = cell.own_footnotes;
  if (cell.difference) all.insert(all.end(), cell.difference->footnotes.begin(), cell.difference->footnotes.end());
  all.insert(all.end(), cell.footnotes.begin(), cell.footnotes.end());
  return all;
}

}  // namespace

std::string to_csv(const SuiteTables& tables) {
  const bool footnotes =
      std::ranges::any_of(tables.tables, [](const Table& table) { return !Footnotes(table).texts().empty(); });
  const bool across =
      std::ranges::any_of(tables.tables, [](const Table& table) { return experiments::any_across(table.datasets); });
  std::string csv = fmt::format(
      "table,row,label,dataset,metric,mean,std,trials,trials_needed,reference,chance,compared_with,difference,"
      "difference_low,difference_high,difference_trials,status,jobs{}{}\n",
      across ? ",trained_on,asked_on" : "", footnotes ? ",footnotes" : "");
  for (const Table& table : tables.tables) {
    const bool none = !table.no_reference.empty() && !has_reference(table);
    for (const experiments::PublishedRow& row : table.published)
      for (const std::string& dataset : table.datasets)
        for (const std::string& metric : table.metrics)
          if (const auto number = published_number(row, dataset, metric))
            csv +=
                fmt::format("{},{},{},{},{},,,0,0,{},,{},published,{}{}\n", csv_field(table.id), csv_field(row.method),
                            csv_field(row.label), csv_field(column_title(table, dataset)), csv_field(metric),
                            csv_reference(number, dataset, false), csv_difference({}), csv_sets(dataset, across),
                            csv_footnotes(published_footnotes(row, dataset, metric), footnotes));
    for (const Row& row : table.rows) {
      for (const Cell& cell : row.cells) {
        std::string jobs;
        for (const TrialJobs& trial : cell.jobs)
          jobs += fmt::format("{}{} {}", jobs.empty() ? "" : " ", trial.training.hex, trial.evaluation.hex);
        csv += fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{},{}{}{}\n", csv_field(table.id), csv_field(row.id),
                           csv_field(row.label), csv_field(column_title(table, cell.dataset)), csv_field(cell.metric),
                           csv_number(cell.mean), csv_number(cell.std), cell.trials, cell.trials_needed,
                           csv_reference(cell.reference, cell.dataset, none || cell.no_reference),
                           csv_number(cell.chance), csv_difference(cell.difference), settings::word(cell.status), jobs,
                           csv_sets(cell.dataset, across), csv_footnotes(all_footnotes(cell), footnotes));
      }
    }
  }
  return csv;
}

}  // namespace resolute::results
