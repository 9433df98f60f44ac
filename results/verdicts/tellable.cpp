#include "results/verdicts/tellable.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "core/error.h"
#include "experiments/specification/estimated_split.h"
#include "experiments/specification/metrics.h"
#include "results/records/query_scores.h"
#include "results/records/record.h"

namespace resolute::results {
namespace {

using experiments::CellPlan;
using experiments::EvaluationSpecification;
using experiments::JobId;
using experiments::TablePlan;

//! By path and rate: whose query it is, and its score in per cent.
using Scores = std::map<std::pair<std::string, int>, std::pair<std::int64_t, double>>;
using PersonMeans = std::map<std::int64_t, double>;

PersonMeans person_means(const Scores& scores) {
  std::map<std::int64_t, std::pair<double, int>> sums;
  for (const auto& [query, score] : scores) {
    sums[score.first].first += score.second;
    ++sums[score.first].second;
  }
  PersonMeans means;
  for (const auto& [person, sum] : sums) means[person] = sum.first / sum.second;
  return means;
}

//! Finished evaluations of a plan, each read once.
class Finished {
 public:
  Finished(const std::set<JobId>& done, core::FileSystem& files, const experiments::StoreLayout& store)
      : done_(done), files_(files), store_(store) {}

  //! Nothing where it is not there.
  const std::optional<Scores>& of(const JobId& job, const std::string& metric) {
    static const std::optional<Scores> none;
    if (!done_.contains(job)) return none;
    const auto known = read_.find({job, metric});
    if (known != read_.end()) return known->second;
    return read_.emplace(std::pair(job, metric), read(job, metric)).first->second;
  }

 private:
  std::optional<Scores> read(const JobId& job, const std::string& metric) const try {
    const auto record = read_record(files_, store_, job);
    const auto* evaluation = record ? std::get_if<EvaluationRecord>(&*record) : nullptr;
    const char* name = experiments::kQueriesOutput.file;
    if (evaluation == nullptr || !evaluation->outputs.contains(name)) return std::nullopt;
    Scores scores;
    for (const QueryScore& one :
         read_csv<QueryScore>(files_, store_.job_folder(job) / name, evaluation->outputs.at(name)))
      if (one.has_match) scores[{one.path, one.rate}] = {one.identity, 100 * score_of(one, metric)};
    return scores;
  } catch (const core::RuntimeError&) {
    return std::nullopt;
  }

  const std::set<JobId>& done_;
  core::FileSystem& files_;
  const experiments::StoreLayout& store_;
  std::map<std::pair<JobId, std::string>, std::optional<Scores>> read_;
};

//! The mean of the parts' variances.
std::optional<SpreadParts> mean_parts(const std::vector<SpreadParts>& all) {
  if (all.empty()) return std::nullopt;
  SpreadParts squares;
  for (const SpreadParts& one : all) {
    squares.person += one.person * one.person;
    squares.trial += one.trial * one.trial;
    squares.rest += one.rest * one.rest;
  }
  const auto root = [&](double sum) { return std::sqrt(sum / static_cast<double>(all.size())); };
  return SpreadParts{root(squares.person), root(squares.trial), root(squares.rest)};
}

//! The spread of a row's numbers on one data set, as far as its trials are done.
std::optional<SpreadParts> own_parts(const CellPlan& cell, const std::string& metric, Finished& finished) {
  std::vector<PersonMeans> trials;
  for (const JobId& job : cell.evaluations)
    if (const auto& scores = finished.of(job, metric)) trials.push_back(person_means(*scores));
  return spread_parts(trials);
}

//! The spread of the paired differences of two rows.
std::optional<SpreadParts> paired_parts(const CellPlan& first, const CellPlan& second, const std::string& metric,
                                        Finished& finished) {
  std::vector<PersonMeans> trials;
  for (std::size_t t = 0; t < std::min(first.evaluations.size(), second.evaluations.size()); ++t) {
    const auto &one = finished.of(first.evaluations[t], metric), &other = finished.of(second.evaluations[t], metric);
    if (!one || !other) continue;
    Scores differences;
    for (const auto& [query, score] : *one)
      if (const auto twin = other->find(query); twin != other->end())
        differences[query] = {score.first, score.second - twin->second.second};
    trials.push_back(person_means(differences));
  }
  return spread_parts(trials);
}

//! Each row with the one that it is compared with, or the one before it.
std::optional<SpreadParts> parts_of_rows(const TablePlan& table, std::size_t d, const std::string& metric,
                                         Finished& finished) {
  const auto reference = std::ranges::find(table.rows, table.compare_with, &experiments::RowPlan::id);
  std::vector<SpreadParts> all;
  for (auto row = table.rows.begin(); row != table.rows.end(); ++row) {
    const auto other = reference != table.rows.end() ? reference : row == table.rows.begin() ? row : row - 1;
    if (row == other) continue;
    if (const auto parts = paired_parts(row->cells[d], other->cells[d], metric, finished)) all.push_back(*parts);
  }
  return mean_parts(all);
}

std::optional<SpreadParts> parts_of_numbers(const TablePlan& table, std::size_t d, const std::string& metric,
                                            Finished& finished) {
  std::vector<SpreadParts> all;
  for (const auto& row : table.rows)
    if (row.cells[d].references.contains(metric))
      if (const auto parts = own_parts(row.cells[d], metric, finished)) all.push_back(*parts);
  return mean_parts(all);
}

//! The smallest step between neighbours of a claim whose numbers the paper prints.
std::optional<SmallStep> smallest_step(const TablePlan& table, std::size_t d, const std::string& metric) {
  std::optional<SmallStep> smallest;
  for (const experiments::ClaimPlan& claim : table.claims) {
    if (claim.dataset != table.datasets[d] || claim.metric != metric) continue;
    const experiments::RowPlan* before = nullptr;
    for (const std::string& id : claim.worse_to_better) {
      const auto row = std::ranges::find(table.rows, id, &experiments::RowPlan::id);
      if (row == table.rows.end() || !row->cells[d].references.contains(metric)) continue;
      if (before != nullptr) {
        const double points = row->cells[d].references.at(metric) - before->cells[d].references.at(metric);
        if (points > 0 && (!smallest || points < smallest->points))
          smallest = {before->label, row->label, points, claim.paper_dataset};
      }
      if (before == nullptr || claim.form == experiments::ClaimForm::kOrder) before = &*row;
    }
  }
  return smallest;
}

std::optional<Tellable> tellable_on(const TablePlan& table, std::size_t d, const std::string& metric,
                                    const EvaluationSpecification& evaluation, Finished& finished) {
  const auto split = experiments::estimated_split(evaluation.pack, evaluation.split);
  if (!split || split->tested < 1) return std::nullopt;
  int trials = static_cast<int>(table.rows.front().cells[d].evaluations.size());
  for (const auto& row : table.rows) trials = std::min(trials, static_cast<int>(row.cells[d].evaluations.size()));
  Tellable found;
  found.table = table.id;
  found.dataset = table.datasets[d];
  found.metric = metric;
  found.shape = {trials, split->tested, split->tested_again};
  const SpreadModel model;
  const double queries = std::max(split->queries / split->tested, 1.0);
  const double rest = std::sqrt(model.in_trial * model.in_trial + model.query * model.query / queries);
  if (table.rows.size() > 1) {
    const auto measured = parts_of_rows(table, d, metric, finished);
    found.rows_measured = measured.has_value();
    found.rows =
        smallest_difference(measured.value_or(SpreadParts{model.person_difference, model.trial, rest}), found.shape);
    found.small = smallest_step(table, d, metric);
    if (found.small && found.small->points >= *found.rows) found.small.reset();
  }
  if (std::ranges::any_of(table.rows, [&](const auto& row) { return row.cells[d].references.contains(metric); })) {
    const auto measured = parts_of_numbers(table, d, metric, finished);
    found.paper_measured = measured.has_value();
    found.paper = smallest_difference(measured.value_or(SpreadParts{model.person_own, model.trial, rest}), found.shape);
  }
  return found;
}

bool is_of_queries(const std::string& metric) { return experiments::metric_named(metric)->is_per_query(); }

core::Json number_or_null(const std::optional<double>& value) { return value ? core::Json(*value) : core::Json(); }

std::string source_text(bool measured) { return measured ? "this store's trials" : "model"; }

}  // namespace

std::vector<Tellable> tellable(const experiments::Plan& plan, const std::set<JobId>& done, core::FileSystem& files,
                               const experiments::StoreLayout& store) {
  std::map<JobId, const EvaluationSpecification*> evaluations;
  for (const experiments::PlannedJob& job : plan.jobs)
    if (const auto* one = std::get_if<EvaluationSpecification>(&job.specification)) evaluations[job.id] = one;
  Finished finished(done, files, store);
  std::vector<Tellable> found;
  for (const TablePlan& table : plan.tables) {
    const auto metric = std::ranges::find_if(table.metrics, is_of_queries);
    if (metric == table.metrics.end() || table.rows.empty()) continue;
    for (std::size_t d = 0; d < table.datasets.size(); ++d)
      if (auto one = tellable_on(table, d, *metric, *evaluations.at(table.rows.front().cells[d].evaluations.front()),
                                 finished)) {
        if (one->small)
          one->small->other =
              experiments::other_dataset(one->small->paper_dataset, experiments::column_title(plan, table.datasets[d]));
        found.push_back(std::move(*one));
      }
  }
  return found;
}

std::string to_text(const Tellable& one) {
  std::string text =
      fmt::format("{} on {}: {} {} × {:.0f} people tell", one.table, experiments::column_name(one.dataset),
                  one.shape.trials, one.shape.trials == 1 ? "trial" : "trials", one.shape.people);
  if (one.rows)
    text += fmt::format(" rows {:.1f} points of {} apart ({})", *one.rows,
                        experiments::metric_named(one.metric)->heading_at(0), source_text(one.rows_measured));
  if (one.paper)
    text += fmt::format("{} ours {:.1f} from the paper's number ({})", one.rows ? "," : "", *one.paper,
                        source_text(one.paper_measured));
  if (!one.rows && !one.paper) return text + " nothing: one row, without a paper's number";
  if (one.small)
    text += fmt::format("; the paper's step of {:.1f} ({} < {}{}) is below that", one.small->points, one.small->lower,
                        one.small->upper, one.small->other.empty() ? "" : "; " + one.small->other);
  return text;
}

std::string summary(const std::vector<Tellable>& all, const std::string& table) {
  std::vector<double> rows, paper;
  std::string metric;
  bool small = false;
  for (const Tellable& one : all) {
    if (one.table != table) continue;
    metric = experiments::metric_named(one.metric)->heading_at(0);
    if (one.rows) rows.push_back(*one.rows);
    if (one.paper) paper.push_back(*one.paper);
    small = small || one.small;
  }
  const auto range = [](const std::vector<double>& points) {
    const auto [least, most] = std::ranges::minmax(points);
    const std::string from = fmt::format("{:.1f}", least), to = fmt::format("{:.1f}", most);
    return from == to ? from : from + " to " + to;
  };
  if (!rows.empty())
    return fmt::format("; tells rows {} points of {} apart{}", range(rows), metric,
                       small ? ", but not every difference that the paper states" : "");
  if (!paper.empty()) return fmt::format("; tells a row {} points of {} from the paper's number", range(paper), metric);
  return "";
}

std::string model_text() {
  const SpreadModel model;
  return fmt::format(
      "smallest differences that 80 % of such studies find at 5 %; model: standard deviations of {} points over people "
      "in a difference of rows and {} in a row's own number, {} over trainings, {} of a person in a trial, {} of a "
      "query",
      model.person_difference, model.person_own, model.trial, model.in_trial, model.query);
}

core::Json to_json(const Tellable& one) {
  core::Json json = {{"table", one.table},
                     {"dataset", one.dataset},
                     {"metric", one.metric},
                     {"trials", one.shape.trials},
                     {"people", one.shape.people},
                     {"shared", one.shape.shared},
                     {"rows", number_or_null(one.rows)},
                     {"rows_measured", one.rows_measured},
                     {"paper", number_or_null(one.paper)},
                     {"paper_measured", one.paper_measured},
                     {"small_step", nullptr}};
  if (one.small)
    json["small_step"] = {{"lower", one.small->lower},
                          {"upper", one.small->upper},
                          {"points", one.small->points},
                          {"paper_dataset", one.small->paper_dataset}};
  return json;
}

}  // namespace resolute::results
