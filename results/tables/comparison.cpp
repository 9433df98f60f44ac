#include "results/tables/comparison.h"

#include <algorithm>
#include <array>
#include <functional>
#include <set>
#include <tuple>

#include "core/error.h"
#include "experiments/specification/metrics.h"
#include "results/tables/table_notes.h"
#include "results/verdicts/numeric_classes.h"

namespace resolute::results {
namespace {

using experiments::TablePlan;

//! The evaluations' queries, each read once.
class ReadScores {
 public:
  //! \param strict_classes of the table
  ReadScores(const RecordLookup& lookup, const QueryScoresLookup& query_scores, bool strict_classes)
      : lookup_(lookup), query_scores_(query_scores), strict_classes_(strict_classes) {}

  bool strict_classes() const { return strict_classes_; }

  //! \param job a training or an evaluation
  void add_class(const JobId& job, NumericClasses& to) const {
    const auto record = lookup_(job);
    if (!record) return;
    if (const auto* training = std::get_if<TrainingRecord>(&*record)) to.add(*training);
    if (const auto* evaluation = std::get_if<EvaluationRecord>(&*record)) to.add(*evaluation);
  }

  const std::vector<QueryScore>& of(const JobId& evaluation) {
    auto found = read_.find(evaluation);
    if (found == read_.end()) {
      const auto record = lookup_(evaluation);
      RESOLUTE_EXPECT(record, "a complete cell has the records of its trials");
      found = read_.emplace(evaluation, query_scores_(std::get<EvaluationRecord>(*record))).first;
    }
    return found->second;
  }

 private:
  const RecordLookup& lookup_;
  const QueryScoresLookup& query_scores_;
  bool strict_classes_;
  std::map<JobId, std::vector<QueryScore>> read_;
};

using QueryKey = std::tuple<std::string, int>;
using ByKey = std::map<QueryKey, const QueryScore*>;

ByKey by_key(const std::vector<QueryScore>& scores) {
  ByKey found;
  for (const QueryScore& score : scores) found.emplace(QueryKey(score.path, score.rate), &score);
  return found;
}

//! A path within a message of one line.
std::string one_line(std::string path) {
  for (char& c : path)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return path;
}

core::RuntimeError unpaired(const JobId& first, const JobId& second, const std::string& why) {
  return core::input_error(
      fmt::format("evaluations {} and {} cannot be compared query by query", short_id(first), short_id(second)), why,
      "leave out the table's compare_with, or put the rows in tables of their own");
}

//! Differences in per cent, in the order of paths and rates.
std::vector<PairedQuery> pair_queries(const JobId& first, const JobId& second, const std::vector<std::string>& metrics,
                                      ReadScores& scores) {
  const ByKey first_queries = by_key(scores.of(first));
  const ByKey second_queries = by_key(scores.of(second));
  const auto same = [](const auto& a, const auto& b) {
    return a.first == b.first && a.second->identity == b.second->identity && a.second->has_match == b.second->has_match;
  };
  const auto [left, right] =
      std::mismatch(first_queries.begin(), first_queries.end(), second_queries.begin(), second_queries.end(), same);
  if (left != first_queries.end() || right != second_queries.end()) {
    // The smaller key is the one that the other side lacks.
    const bool is_first = right == second_queries.end() || (left != first_queries.end() && left->first <= right->first);
    const auto& [path, rate] = is_first ? left->first : right->first;
    throw unpaired(first, second,
                   fmt::format("query '{}' at rate {} of {} is not the same in {}", one_line(path), rate,
                               short_id(is_first ? first : second), short_id(is_first ? second : first)));
  }
  std::vector<PairedQuery> paired;
  for (auto a = first_queries.begin(), b = second_queries.begin(); a != first_queries.end(); ++a, ++b) {
    if (!a->second->has_match) continue;
    PairedQuery query{a->second->identity, {}};
    for (const std::string& metric : metrics)
      query.difference.push_back(100 * (score_of(*a->second, metric) - score_of(*b->second, metric)));
    paired.push_back(std::move(query));
  }
  if (paired.empty()) throw unpaired(first, second, "no query has a match");
  return paired;
}

//! Footnotes on the classes of the jobs behind a difference. Seeds vary more than machines do: the difference
//! stands, unless the table is strict.
std::vector<std::string> classes_of(const Cell& first, const Cell& second, std::size_t common,
                                    const ReadScores& scores) {
  NumericClasses classes;
  for (const Cell* cell : {&first, &second})
    for (std::size_t trial = 0; trial < common; ++trial) {
      scores.add_class(cell->jobs[trial].training, classes);
      scores.add_class(cell->jobs[trial].evaluation, classes);
    }
  std::vector<std::string> footnotes = classes.footnotes();
  if (scores.strict_classes() && !footnotes.empty()) throw core::input_error(footnotes.front());
  return footnotes;
}

//! Data sets that a complete cell is over.
std::size_t datasets_of(const Cell& cell) {
  if (cell.dataset != experiments::kMeanColumn) return 1;
  return cell.jobs.size() / static_cast<std::size_t>(cell.trials);
}

//! \param trials of one data set after the other
std::vector<BootstrapInterval> intervals_of(std::vector<std::vector<PairedQuery>> trials, std::size_t datasets,
                                            std::size_t metrics) {
  std::vector<std::vector<std::vector<PairedQuery>>> of_dataset(datasets);
  const std::size_t each = trials.size() / datasets;
  for (std::size_t t = 0; t < trials.size(); ++t) of_dataset[t / each].push_back(std::move(trials[t]));
  return paired_bootstrap_of_mean(of_dataset, metrics);
}

//! The first row's cells minus the second's, a number per metric; nothing where one of them is not complete.
std::vector<Difference> differences(const Cell& first, const Cell& second, const std::string& to,
                                    const std::vector<std::string>& metrics, ReadScores& scores) {
  std::vector<Difference> found;
  if (first.status != CellStatus::kComplete || second.status != CellStatus::kComplete) return found;
  if (first.dataset == experiments::kMeanColumn && first.jobs.size() != second.jobs.size())
    throw core::input_error("the rows have other numbers of trials", "a mean over data sets is compared of all");
  if (first.jobs == second.jobs) throw core::input_error("both rows are the same jobs");
  const std::size_t common = std::min(first.jobs.size(), second.jobs.size());
  const std::vector<std::string> classes = classes_of(first, second, common, scores);
  std::vector<std::vector<PairedQuery>> trials;
  for (std::size_t trial = 0; trial < common; ++trial)
    trials.push_back(pair_queries(first.jobs[trial].evaluation, second.jobs[trial].evaluation, metrics, scores));
  const std::size_t datasets = datasets_of(first);
  for (const BootstrapInterval& interval : intervals_of(std::move(trials), datasets, metrics.size()))
    found.push_back(
        {to, interval.mean, interval.low, interval.high, static_cast<int>(common / datasets), interval.p, 1, classes});
  return found;
}

const Row& row_of(const Table& table, const std::string& id) {
  const auto row = std::ranges::find(table.rows, id, &Row::id);
  RESOLUTE_EXPECT(row != table.rows.end(), "a table compares rows of its own");
  return *row;
}

void add_differences(Table& table, ReadScores& scores) {
  const Row& reference = row_of(table, table.compare_with);
  std::vector<std::string> metrics;
  std::ranges::copy_if(table.metrics, std::back_inserter(metrics), is_per_query);
  if (metrics.empty()) return;
  for (Row& row : table.rows) {
    if (&row == &reference) continue;
    for (const std::string& dataset : table.datasets) {
      std::vector<Difference> found;
      std::string why;
      try {
        // Cells of one data set differ in status only where their method lacks a metric; all have those of queries.
        const std::string& any = metrics.front();
        found = differences(row.at(dataset, any), reference.at(dataset, any), reference.id, metrics, scores);
      } catch (const core::RuntimeError& error) {
        why = error.what();
      }
      auto next = found.begin();
      for (Cell& cell : row.cells) {
        if (cell.dataset != dataset || !is_per_query(cell.metric)) continue;
        if (next != found.end()) cell.difference = *next++;
        cell.difference_why = why;
      }
    }
  }
}

//! The paired difference of two rows in a metric, where it can be told.
std::optional<Difference> difference(const Row& row, const Row& before, const std::string& dataset,
                                     const std::string& metric, ReadScores* scores) {
  if (scores == nullptr || !is_per_query(metric)) return std::nullopt;
  try {
    const auto found = differences(row.at(dataset, metric), before.at(dataset, metric), before.id, {metric}, *scores);
    if (!found.empty()) return found.front();
  } catch (const core::RuntimeError&) {
    // The means stand; what is said of rows that cannot be paired is judged by them alone.
  }
  return std::nullopt;
}

//! Tells whether a row's mean is above another's by the whole interval of their difference: of that which the table
//! shows, where it compares the one with the other, so that a reader sees no other verdict beside it.
bool is_ahead(const Table& table, const Row& row, const Row& other, const Cell& cell, ReadScores& scores) {
  if (row.id == table.compare_with) {
    const auto& shown = other.at(cell.dataset, cell.metric).difference;
    return shown && side_of(*shown) == Side::kBelow;
  }
  const auto found =
      other.id == table.compare_with ? cell.difference : difference(row, other, cell.dataset, cell.metric, &scores);
  return found && side_of(*found) == Side::kAbove;
}

//! More is always better of the numbers of queries. The second best is asked first: where it is near, no other is.
void mark_best(Table& table, ReadScores& scores) {
  for (std::size_t column = 0; column < table.datasets.size() * table.metrics.size(); ++column) {
    if (!is_per_query(table.metrics[column % table.metrics.size()])) continue;
    std::vector<Row*> rows;
    for (Row& row : table.rows)
      if (row.cells[column].mean) rows.push_back(&row);
    if (rows.size() < 2 || rows.front()->cells[column].trials < kFewestTrials) continue;
    std::ranges::stable_sort(rows, std::ranges::greater{}, [&](const Row* row) { return *row->cells[column].mean; });
    Cell& best = rows.front()->cells[column];
    best.best = std::all_of(rows.begin() + 1, rows.end(),
                            [&](const Row* other) { return is_ahead(table, *rows.front(), *other, best, scores); });
  }
}

ComparedClaim hold_claim(const Table& table, const experiments::ClaimPlan& plan, ReadScores* scores) {
  ComparedClaim claim{plan};
  const bool some = plan.form == experiments::ClaimForm::kSome;
  const experiments::Better better = experiments::metric_named(plan.metric)->better;
  const Row* last = nullptr;  // that has a mean
  for (const std::string& id : plan.worse_to_better) {
    const Row& row = row_of(table, id);
    const Cell& cell = row.at(plan.dataset, plan.metric);
    if (!claim.rows.empty()) {
      Step step{std::nullopt, cell.mean, std::nullopt, 0};
      if (last != nullptr && cell.mean) {
        const Cell& before = last->at(plan.dataset, plan.metric);
        step = {before.mean, cell.mean, difference(row, *last, plan.dataset, plan.metric, scores),
                std::min(before.trials, cell.trials)};
      }
      claim.steps.push_back(judge(step, better));
      claim.differences.push_back(step.difference);
    }
    claim.rows.push_back({row.id, row.label, cell.mean});
    if (!cell.mean) continue;
    claim.trials = last == nullptr ? cell.trials : std::min(claim.trials, cell.trials);
    if (!some || claim.rows.size() == 1) last = &row;
  }
  if (some) adjust_some(claim.steps, claim.differences);
  claim.status = some ? judge_some(claim.steps) : judge(claim.steps);
  return claim;
}

//! A cell and a claim may show the same two rows.
void adjust(Table& table) {
  std::map<std::array<std::string, 4>, std::vector<Difference*>> shown;
  const auto add = [&](const std::string& dataset, const std::string& metric, const std::string& row,
                       std::optional<Difference>& d) {
    if (d) shown[{dataset, metric, std::min(row, d->to), std::max(row, d->to)}].push_back(&*d);
  };
  for (Row& row : table.rows)
    for (Cell& cell : row.cells) add(cell.dataset, cell.metric, row.id, cell.difference);
  for (ComparedClaim& claim : table.claims)
    for (std::size_t i = 0; i < claim.differences.size(); ++i)
      add(claim.dataset, claim.metric, claim.rows[i + 1].id, claim.differences[i]);
  std::vector<double> p;
  for (const auto& [shown_pair, differences] : shown) p.push_back(differences.front()->p);
  const std::vector<double> adjusted = holm(p);
  std::size_t at = 0;
  for (const auto& [shown_pair, differences] : shown) {
    for (Difference* difference : differences) difference->p_holm = adjusted[at];
    ++at;
  }
  table.comparisons = shown.size();
}

//! A trial's score of each query that has a match, in per cent. \param rate of the queries; 0: all
std::vector<PairedQuery> own_numbers(const std::vector<QueryScore>& queries, const std::vector<std::string>& metrics,
                                     int rate = 0) {
  std::vector<PairedQuery> numbers;
  for (const QueryScore& score : queries) {
    if (!score.has_match || (rate != 0 && score.rate != rate)) continue;
    numbers.push_back({score.identity, {}});
    for (const std::string& metric : metrics) numbers.back().difference.push_back(100 * score_of(score, metric));
  }
  return numbers;
}

MetricIntervals named(const std::vector<std::string>& metrics, const std::vector<BootstrapInterval>& intervals) {
  MetricIntervals found;
  for (std::size_t m = 0; m < metrics.size(); ++m) found.emplace(metrics[m], intervals[m]);
  return found;
}

}  // namespace

void compare_rows(Table& table, const TablePlan& plan, const RecordLookup& lookup,
                  const QueryScoresLookup& query_scores) {
  RESOLUTE_EXPECT(plan.compare_with.empty() || query_scores != nullptr,
                  "a table that compares rows needs the scores of their queries");
  ReadScores scores(lookup, query_scores, plan.strict_classes);
  table.compare_with = plan.compare_with;
  if (!plan.compare_with.empty()) add_differences(table, scores);
  if (query_scores != nullptr) mark_best(table, scores);
  for (const experiments::ClaimPlan& claim : plan.claims)
    table.claims.push_back(hold_claim(table, claim, query_scores == nullptr ? nullptr : &scores));
  adjust(table);
}

MetricIntervals mean_intervals(const Row& row, const std::string& dataset, const std::vector<std::string>& metrics,
                               const QueriesOf& queries) {
  std::vector<std::string> measured;
  std::ranges::copy_if(metrics, std::back_inserter(measured), [&](const std::string& metric) {
    return is_per_query(metric) && row.at(dataset, metric).status == CellStatus::kComplete;
  });
  if (measured.empty()) return {};
  const Cell& cell = row.at(dataset, measured.front());
  std::vector<std::vector<PairedQuery>> trials;
  for (const TrialJobs& jobs : cell.jobs) {
    trials.push_back(own_numbers(queries(jobs.evaluation), measured));
    if (trials.back().empty()) return {};
  }
  return named(measured, intervals_of(std::move(trials), datasets_of(cell), measured.size()));
}

std::map<int, MetricIntervals> curve_intervals(const std::vector<JobId>& evaluations, const QueriesOf& queries) {
  std::vector<std::vector<QueryScore>> read;
  std::set<int> rates{0};
  for (const JobId& evaluation : evaluations)
    for (const QueryScore& query : read.emplace_back(queries(evaluation))) rates.insert(query.rate);
  std::map<int, MetricIntervals> found;
  for (const int rate : rates) {
    std::vector<std::string> metrics;
    for (const int rank : kQueryRanks)
      if (rate == 0 || rank == 1) metrics.push_back(fmt::format("rank{}", rank));
    std::vector<std::vector<PairedQuery>> trials;
    for (const auto& scores : read) trials.push_back(own_numbers(scores, metrics, rate));
    if (trials.empty() || std::ranges::any_of(trials, [](const auto& trial) { return trial.empty(); })) continue;
    const std::size_t numbers = metrics.size();
    found.emplace(rate, named(metrics, intervals_of(std::move(trials), 1, numbers)));
  }
  return found;
}

}  // namespace resolute::results
