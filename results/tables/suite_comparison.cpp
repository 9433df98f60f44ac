#include "results/tables/suite_comparison.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/error.h"
#include "results/tables/table_notes.h"
#include "results/tables/tables.h"
#include "settings/names.h"

namespace resolute::results {
namespace {

using core::Json;
using experiments::CellPlan;
using experiments::EvaluationSpecification;
using experiments::JobSpecification;
using experiments::Plan;
using experiments::RowPlan;
using experiments::TablePlan;

std::map<CommonRow, const CellPlan*> cells_of(const Plan& plan) {
  std::map<CommonRow, const CellPlan*> cells;
  for (const TablePlan& table : plan.tables)
    for (const RowPlan& row : table.rows)
      for (const CellPlan& cell : row.cells) cells[{table.id, row.id, cell.dataset}] = &cell;
  return cells;
}

const JobSpecification& specification_of(const Plan& plan, const JobId& id) {
  const auto job = std::ranges::find(plan.jobs, id, &experiments::PlannedJob::id);
  RESOLUTE_EXPECT(job != plan.jobs.end(), "a table of the plan needs job " + short_id(id) + ", which is not in it");
  return job->specification;
}

std::map<std::string, std::string> settings_in(const Plan& plan, const CellPlan& cell) {
  const auto& evaluation = std::get<EvaluationSpecification>(specification_of(plan, cell.evaluations.front()));
  return settings_of(std::get<experiments::TrainingSpecification>(specification_of(plan, evaluation.training)),
                     evaluation, cell.evaluations.size());
}

std::vector<SettingDifference> compare_settings(const Plan& first, const Plan& second,
                                                const std::map<CommonRow, const CellPlan*>& first_cells,
                                                const std::map<CommonRow, const CellPlan*>& second_cells) {
  std::map<DifferentSetting, std::vector<CommonRow>> found;
  for (const auto& [at, cell] : first_cells) {
    const auto other = second_cells.find(at);
    if (other == second_cells.end()) continue;
    for (const DifferentSetting& one :
         different_settings(settings_in(first, *cell), settings_in(second, *other->second)))
      found[one].push_back(at);
  }
  std::vector<SettingDifference> differences;
  for (auto& [setting, rows] : found) differences.push_back({setting, std::move(rows)});
  return differences;
}

// Each row of both suites becomes a table of two rows, of which the second is compared with the first.
struct Paired {
  Plan plan;
  std::vector<std::pair<std::string, std::string>> of_table;  // a table's id and its row's, in the order of plan.tables
  std::vector<std::string> labels;
};

template <class T>
std::vector<T> common(const std::vector<T>& of_first, const std::vector<T>& of_second) {
  std::vector<T> both;
  std::ranges::copy_if(of_first, std::back_inserter(both),
                       [&](const T& one) { return std::ranges::find(of_second, one) != of_second.end(); });
  return both;
}

RowPlan row_on(const RowPlan& from, const std::string& id, const std::vector<std::string>& datasets) {
  RowPlan row{id, from.label, {}};
  row.latex = from.latex;
  for (const std::string& dataset : datasets)
    for (const CellPlan& cell : from.cells)
      if (cell.dataset == dataset) row.cells.push_back({cell.dataset, cell.evaluations, {}});
  return row;
}

Paired pair_rows(const Plan& first, const Plan& second) {
  Paired paired;
  std::set<JobId> taken;
  for (const Plan* plan : {&first, &second})
    for (const experiments::PlannedJob& job : plan->jobs)
      if (taken.insert(job.id).second) paired.plan.jobs.push_back(job);
  for (const TablePlan& table : first.tables)
    for (const TablePlan& other : second.tables) {
      if (other.id != table.id) continue;
      TablePlan made{table.id, "", common(table.metrics, other.metrics), common(table.datasets, other.datasets), {}};
      if (made.metrics.empty() || made.datasets.empty()) continue;
      if (std::ranges::any_of(made.metrics, is_per_query)) made.compare_with = "first";
      for (const RowPlan& row : table.rows)
        for (const RowPlan& twin : other.rows) {
          if (twin.id != row.id) continue;
          made.rows = {row_on(row, "first", made.datasets), row_on(twin, "second", made.datasets)};
          paired.plan.tables.push_back(made);
          paired.of_table.emplace_back(table.id, row.id);
          paired.labels.push_back(row.label);
        }
    }
  return paired;
}

void adjust_for_all(SuiteComparison& comparison) {
  std::vector<Difference*> shown;
  std::vector<double> p;
  for (ComparedNumber& number : comparison.numbers)
    if (number.second.difference && !number.same_jobs) {
      shown.push_back(&*number.second.difference);
      p.push_back(shown.back()->p);
    }
  const std::vector<double> adjusted = holm(p);
  for (std::size_t i = 0; i < shown.size(); ++i) shown[i]->p_holm = adjusted[i];
  comparison.comparisons = shown.size();
}

SuiteComparison with_numbers(const Plan& first, const Plan& second, const Paired& paired, const SuiteTables& tables) {
  SuiteComparison comparison;
  const auto of_first = cells_of(first), of_second = cells_of(second);
  comparison.settings = compare_settings(first, second, of_first, of_second);
  for (const auto& [at, cell] : of_first)
    if (!of_second.contains(at)) comparison.only_first.push_back(at);
  for (const auto& [at, cell] : of_second)
    if (!of_first.contains(at)) comparison.only_second.push_back(at);
  for (std::size_t t = 0; t < tables.tables.size(); ++t) {
    const Table& table = tables.tables[t];
    for (std::size_t c = 0; c < table.rows[0].cells.size(); ++c) {
      const Cell &one = table.rows[0].cells[c], &two = table.rows[1].cells[c];
      comparison.numbers.push_back({{paired.of_table[t].first, paired.of_table[t].second, one.dataset},
                                    paired.labels[t],
                                    one.metric,
                                    one,
                                    two,
                                    one.jobs == two.jobs,
                                    std::max(images_of(first, one.dataset), images_of(second, one.dataset))});
    }
  }
  adjust_for_all(comparison);
  return comparison;
}

std::string name_of(const CommonRow& row) {
  return fmt::format("{}/{} on {}", row.table, row.row, experiments::column_name(row.dataset));
}

std::string rows_text(const std::vector<CommonRow>& rows, std::size_t all) {
  if (rows.size() == all) return all == 1 ? "in the one row" : fmt::format("in all {} rows", all);
  constexpr std::size_t kNamed = 4;
  std::vector<std::string> names;
  for (const CommonRow& row : rows) names.push_back(name_of(row));
  return settings::first_names(names, kNamed);
}

std::string number_text(const Cell& cell) {
  if (!cell.mean) return cell.status == CellStatus::kNotApplicable ? "–" : std::string(settings::word(cell.status));
  const int decimals = decimals_of(cell.metric);
  return fmt::format("{:.{}f}", *cell.mean, decimals) +
         (cell.std ? fmt::format(" ± {:.{}f}", *cell.std, decimals) : "");
}

std::string difference_text(const ComparedNumber& number) {
  if (number.same_jobs) return "the same jobs";
  const int decimals = decimals_of(number.metric);
  if (const auto& d = number.second.difference)
    return fmt::format("{:+.{}f} [{:+.{}f}, {:+.{}f}]{}", d->mean, decimals, d->low, decimals, d->high, decimals,
                       behind_interval(*d, std::max(number.first.trials, number.second.trials)));
  if (!number.first.mean || !number.second.mean) return "";
  if (number.first.trials != number.second.trials) return "other trials";
  return fmt::format("{:+.{}f}", *number.second.mean - *number.first.mean, decimals);
}

Json to_json(const CommonRow& row) { return {{"table", row.table}, {"row", row.row}, {"dataset", row.dataset}}; }

Json to_json(const std::vector<CommonRow>& rows) {
  Json list = Json::array();
  for (const CommonRow& row : rows) list.push_back(to_json(row));
  return list;
}

Json value_of(const std::string& text) { return text.empty() ? Json(nullptr) : Json::parse(text); }

Json number_of(const Cell& cell) {
  Json json = {{"status", settings::word(cell.status)},
               {"mean", cell.mean ? Json(*cell.mean) : Json(nullptr)},
               {"std", cell.std ? Json(*cell.std) : Json(nullptr)},
               {"trials", cell.trials},
               {"trials_needed", cell.trials_needed}};
  if (cell.status == CellStatus::kDamaged) json["why"] = cell.why;
  return json;
}

}  // namespace

SuiteComparison compare_suites(const Plan& first, const Plan& second, core::FileSystem& files,
                               const experiments::StoreLayout& store) {
  const Paired paired = pair_rows(first, second);
  return with_numbers(first, second, paired, aggregate(paired.plan, files, store));
}

SuiteComparison compare_suites(const Plan& first, const Plan& second, const RecordLookup& lookup,
                               const QueryScoresLookup& query_scores) {
  const Paired paired = pair_rows(first, second);
  return with_numbers(first, second, paired, aggregate(paired.plan, lookup, query_scores));
}

std::string to_markdown(const SuiteComparison& comparison, const std::string& first_name,
                        const std::string& second_name) {
  std::set<CommonRow> rows;
  for (const ComparedNumber& number : comparison.numbers) rows.insert(number.at);
  std::string text = fmt::format("# {} and {}\n\n## Settings\n\n", first_name, second_name);
  for (const SettingDifference& one : comparison.settings)
    text += fmt::format("- `{}`: {} → {}, {}\n", one.key, one.first.empty() ? "not there" : one.first,
                        one.second.empty() ? "not there" : one.second, rows_text(one.rows, rows.size()));
  if (comparison.settings.empty())
    text += rows.empty() ? "No row is in both: rows go together by the ids of table, row and data set.\n"
                         : "None differ in the rows of both.\n";
  if (!comparison.numbers.empty()) {
    std::vector<std::vector<std::string>> lines{{"row", "data set", "metric", first_name, second_name, "difference"}};
    std::map<std::pair<std::string, std::string>, std::set<std::string>> tables;  // by label and data set
    for (const ComparedNumber& number : comparison.numbers)
      tables[{number.label, number.at.dataset}].insert(number.at.table);
    for (const ComparedNumber& number : comparison.numbers) {
      const bool alone = tables[{number.label, number.at.dataset}].size() == 1;
      lines.push_back({alone ? number.label : fmt::format("{} (table '{}')", number.label, number.at.table),
                       experiments::column_title(number.at.dataset, number.images), heading_of(number.metric),
                       number_text(number.first), number_text(number.second), difference_text(number)});
    }
    const std::string counted = comparisons_note(comparison.comparisons);
    text += fmt::format("\n## Numbers\n\n{}\nIntervals: 95 % for new people and new trainings, paired bootstrap{}{}.\n",
                        markdown_table(lines), counted.empty() ? "" : "; ", counted);
  }
  for (const auto& [rows_of, name] :
       {std::pair(&comparison.only_first, &first_name), {&comparison.only_second, &second_name}})
    for (const CommonRow& row : *rows_of)
      text += fmt::format("{}- only in {}: {}\n", &row == &rows_of->front() ? "\n" : "", *name, name_of(row));
  std::set<std::string> reasons;
  for (const ComparedNumber& number : comparison.numbers)
    for (const Cell* cell : {&number.first, &number.second})
      if (cell->status == CellStatus::kDamaged)
        reasons.insert(fmt::format("- damaged, {}: {}\n", name_of(number.at), cell->why));
  for (const ComparedNumber& number : comparison.numbers)
    if (!number.second.difference_why.empty() && !number.same_jobs)
      reasons.insert(fmt::format("- no interval for {}: {}\n", name_of(number.at), number.second.difference_why));
  for (const std::string& reason : reasons) text += (reason == *reasons.begin() ? "\n" : "") + reason;
  return text;
}

Json to_json(const SuiteComparison& comparison) {
  Json settings = Json::array(), numbers = Json::array();
  for (const SettingDifference& one : comparison.settings)
    settings.push_back({{"key", one.key},
                        {"first", value_of(one.first)},
                        {"second", value_of(one.second)},
                        {"rows", to_json(one.rows)}});
  for (const ComparedNumber& number : comparison.numbers) {
    Json one = to_json(number.at);
    one["metric"] = number.metric;
    one["first"] = number_of(number.first);
    one["second"] = number_of(number.second);
    one["same_jobs"] = number.same_jobs;
    if (number.images != experiments::Images::kReal)
      one[number.images == experiments::Images::kStandIn ? "stand_in" : "drawn"] = true;
    if (const auto& d = number.second.difference)
      (one["difference"] = json_difference(*d)).erase("to");
    else if (!number.second.difference_why.empty() && !number.same_jobs)
      one["difference_why"] = number.second.difference_why;
    numbers.push_back(std::move(one));
  }
  return {{"settings", std::move(settings)},
          {"numbers", std::move(numbers)},
          {"comparisons", comparison.comparisons},
          {"only_first", to_json(comparison.only_first)},
          {"only_second", to_json(comparison.only_second)}};
}

}  // namespace resolute::results
