#include "results/tables/suite_comparison.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "core/error.h"
#include "results/tables/table_markdown.h"
#include "results/tables/table_notes.h"

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
  const auto job = std::find_if(plan.jobs.begin(), plan.jobs.end(), [&](const auto& one) { return one.id == id; });
  RESOLUTE_EXPECT(job != plan.jobs.end(), "a table of the plan needs job " + short_id(id) + ", which is not in it");
  return job->specification;
}

// A member of a specification as suites spell it, as far as they have it: "recipe.steps" is "train.steps".
std::string suite_key(const std::string& member, const std::string& method) {
  if (member == "protocol.name") return "evaluate.protocol";
  const std::size_t dot = member.find('.');
  const std::string section = member.substr(0, dot);
  const std::map<std::string, std::string> sections = {
      {"recipe", "train"}, {"protocol", "evaluate"}, {"options", method}};
  const auto other = sections.find(section);
  return other == sections.end() || dot == std::string::npos ? member : other->second + member.substr(dot);
}

// What the first trial of a cell is told: keys with their values as JSON. What follows from others (ids) and what the
// plan sets by itself (the seed) is left out.
std::map<std::string, std::string> members_of(const Plan& plan, const CellPlan& cell) {
  std::map<std::string, std::string> members;
  const auto add = [&](const JobSpecification& specification, const std::set<std::string>& left_out) {
    const Json whole = experiments::to_json(specification), flat = whole.flatten();
    const std::string method = whole.value("method", "");
    for (const auto& [pointer, value] : flat.items()) {
      std::string key = pointer.substr(1);
      std::replace(key.begin(), key.end(), '/', '.');
      if (!left_out.contains(key.substr(0, key.find('.')))) members[suite_key(key, method)] = value.dump();
    }
  };
  const JobSpecification& evaluation = specification_of(plan, cell.evaluations.front());
  add(evaluation, {"kind", "schema", "training", "pack", "split"});
  add(specification_of(plan, std::get<EvaluationSpecification>(evaluation).training),
      {"kind", "schema", "seed", "method_revision"});
  members["trials"] = std::to_string(cell.evaluations.size());
  return members;
}

std::vector<SettingDifference> compare_settings(const Plan& first, const Plan& second,
                                                const std::map<CommonRow, const CellPlan*>& first_cells,
                                                const std::map<CommonRow, const CellPlan*>& second_cells) {
  std::map<std::tuple<std::string, std::string, std::string>, std::vector<CommonRow>> found;
  for (const auto& [at, cell] : first_cells) {
    const auto other = second_cells.find(at);
    if (other == second_cells.end()) continue;
    const auto own = members_of(first, *cell), its = members_of(second, *other->second);
    std::set<std::string> keys;
    for (const auto* members : {&own, &its})
      for (const auto& [key, value] : *members) keys.insert(key);
    const auto text_of = [](const std::map<std::string, std::string>& members, const std::string& key) {
      const auto member = members.find(key);
      return member == members.end() ? "" : member->second;
    };
    for (const std::string& key : keys)
      if (const std::string one = text_of(own, key), two = text_of(its, key); one != two)
        found[{key, one, two}].push_back(at);
  }
  std::vector<SettingDifference> differences;
  for (auto& [what, rows] : found)
    differences.push_back({std::get<0>(what), std::get<1>(what), std::get<2>(what), std::move(rows)});
  return differences;
}

// Each row of both suites becomes a table of two rows, of which the second is compared with the first.
struct Paired {
  Plan plan;
  std::vector<std::pair<std::string, std::string>> of_table;  // a table's id and its row's, in the order of plan.tables
  std::vector<std::string> labels;
};

template <class T>
std::vector<T> common(const std::vector<T>& own, const std::vector<T>& its) {
  std::vector<T> both;
  std::copy_if(own.begin(), own.end(), std::back_inserter(both),
               [&](const T& one) { return std::find(its.begin(), its.end(), one) != its.end(); });
  return both;
}

RowPlan row_on(const RowPlan& from, const std::string& id, const std::vector<std::string>& datasets) {
  RowPlan row{id, from.label, {}};
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
      if (std::any_of(made.metrics.begin(), made.metrics.end(), is_per_query)) made.compare_with = "first";
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

SuiteComparison with_numbers(const Plan& first, const Plan& second, const Paired& paired, const SuiteTables& tables) {
  SuiteComparison comparison;
  const auto own = cells_of(first), its = cells_of(second);
  comparison.settings = compare_settings(first, second, own, its);
  for (const auto& [at, cell] : own)
    if (!its.contains(at)) comparison.only_first.push_back(at);
  for (const auto& [at, cell] : its)
    if (!own.contains(at)) comparison.only_second.push_back(at);
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
                                    is_stand_in(first, one.dataset) || is_stand_in(second, one.dataset)});
    }
  }
  return comparison;
}

std::string name_of(const CommonRow& row) { return fmt::format("{}/{} on {}", row.table, row.row, row.dataset); }

std::string rows_text(const std::vector<CommonRow>& rows, std::size_t all) {
  if (rows.size() == all) return all == 1 ? "in the one row" : fmt::format("in all {} rows", all);
  constexpr std::size_t kNamed = 4;
  std::string text;
  for (std::size_t i = 0; i < std::min(kNamed, rows.size()); ++i) text += (i == 0 ? "" : ", ") + name_of(rows[i]);
  if (rows.size() > kNamed) text += fmt::format(" and {} more", rows.size() - kNamed);
  return text;
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
                       d->trials < std::max(number.first.trials, number.second.trials)
                           ? fmt::format(" over {} {}", d->trials, d->trials == 1 ? "trial" : "trials")
                           : "");
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
  return {{"status", settings::word(cell.status)},
          {"mean", cell.mean ? Json(*cell.mean) : Json(nullptr)},
          {"std", cell.std ? Json(*cell.std) : Json(nullptr)},
          {"trials", cell.trials},
          {"trials_needed", cell.trials_needed}};
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
  if (comparison.settings.empty()) text += rows.empty() ? "No row is in both.\n" : "None differ in the rows of both.\n";
  if (!comparison.numbers.empty()) {
    std::vector<std::vector<std::string>> lines{{"row", "data set", "metric", first_name, second_name, "difference"}};
    for (const ComparedNumber& number : comparison.numbers)
      lines.push_back({number.label, experiments::column_title(number.at.dataset, number.stand_in),
                       heading_of(number.metric), number_text(number.first), number_text(number.second),
                       difference_text(number)});
    text += fmt::format("\n## Numbers\n\n{}\nIntervals: 95 % for new people and new trainings, paired bootstrap.\n",
                        markdown_table(lines));
  }
  for (const auto& [rows_of, name] :
       {std::pair(&comparison.only_first, &first_name), {&comparison.only_second, &second_name}})
    for (const CommonRow& row : *rows_of)
      text += fmt::format("{}- only in {}: {}\n", &row == &rows_of->front() ? "\n" : "", *name, name_of(row));
  std::set<std::string> reasons;
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
    if (number.stand_in) one["stand_in"] = true;
    if (const auto& d = number.second.difference)
      one["difference"] = {{"mean", d->mean}, {"low", d->low}, {"high", d->high}, {"trials", d->trials}};
    else if (!number.second.difference_why.empty() && !number.same_jobs)
      one["difference_why"] = number.second.difference_why;
    numbers.push_back(std::move(one));
  }
  return {{"settings", std::move(settings)},
          {"numbers", std::move(numbers)},
          {"only_first", to_json(comparison.only_first)},
          {"only_second", to_json(comparison.only_second)}};
}

}  // namespace resolute::results
