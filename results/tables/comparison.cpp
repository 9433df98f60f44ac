#include "results/tables/comparison.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "core/error.h"
#include "experiments/specification/metrics.h"
#include "results/scores/bootstrap.h"
#include "results/tables/reproduction.h"

namespace resolute::results {
namespace {

using experiments::TablePlan;

bool is_per_query(const std::string& metric) { return experiments::metric_named(metric)->is_per_query(); }

double value_of(const QueryScore& score, const std::string& metric) {
  for (std::size_t k = 0; k < kQueryRanks.size(); ++k)
    if (metric == fmt::format("rank{}", kQueryRanks[k])) return score.cmc[k];
  RESOLUTE_EXPECT(metric == "mAP", "a query has no '" + metric + "'");
  return score.average_precision;
}

//! The evaluations' queries, each read once.
class ReadScores {
 public:
  ReadScores(const RecordLookup& lookup, const QueryScoresLookup& query_scores)
      : lookup_(lookup), query_scores_(query_scores) {
    RESOLUTE_EXPECT(query_scores_ != nullptr, "a table that compares rows needs the scores of their queries");
  }

  std::string numeric_class(const JobId& job) const {
    const auto record = lookup_(job);
    return record ? numeric_class_of(*record) : "";
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

core::RuntimeError unpaired(const JobId& own, const JobId& its, const std::string& why) {
  return core::input_error(
      fmt::format("evaluations {} and {} cannot be compared query by query", short_id(own), short_id(its)), why,
      "leave out the table's compare_with, or put the rows in tables of their own");
}

//! Differences in per cent, in the order of paths and rates.
std::vector<PairedQuery> pair_queries(const JobId& own, const JobId& its, const std::vector<std::string>& metrics,
                                      ReadScores& scores) {
  const ByKey own_queries = by_key(scores.of(own));
  const ByKey its_queries = by_key(scores.of(its));
  const auto same = [](const auto& a, const auto& b) {
    return a.first == b.first && a.second->identity == b.second->identity && a.second->has_match == b.second->has_match;
  };
  const auto [left, right] =
      std::mismatch(own_queries.begin(), own_queries.end(), its_queries.begin(), its_queries.end(), same);
  if (left != own_queries.end() || right != its_queries.end()) {
    // The smaller key is the one that the other side lacks.
    const bool ours = right == its_queries.end() || (left != own_queries.end() && left->first <= right->first);
    const auto& [path, rate] = ours ? left->first : right->first;
    throw unpaired(own, its,
                   fmt::format("query '{}' at rate {} of {} is not the same in {}", one_line(path), rate,
                               short_id(ours ? own : its), short_id(ours ? its : own)));
  }
  std::vector<PairedQuery> paired;
  for (auto a = own_queries.begin(), b = its_queries.begin(); a != own_queries.end(); ++a, ++b) {
    if (!a->second->has_match) continue;
    PairedQuery query{a->second->identity, {}};
    for (const std::string& metric : metrics)
      query.difference.push_back(100 * (value_of(*a->second, metric) - value_of(*b->second, metric)));
    paired.push_back(std::move(query));
  }
  if (paired.empty()) throw unpaired(own, its, "no query has a match");
  return paired;
}

//! A difference between machines is none between methods.
void refuse_other_classes(const Cell& own, const Cell& its, std::size_t common, ReadScores& scores) {
  std::set<std::string> classes;
  for (const Cell* cell : {&own, &its})
    for (std::size_t job = 0; job < 2 * common; ++job) classes.insert(scores.numeric_class(cell->jobs[job]));
  if (classes.size() > 1)
    throw core::input_error(fmt::format("the rows' jobs ran in {} numeric classes", classes.size()));
}

//! A row's cells of one data set against those of the reference row, metric by metric.
void compare(Row& row, const Row& reference, std::size_t first, const std::vector<std::string>& metrics,
             ReadScores& scores) {
  std::vector<std::string> compared;
  std::copy_if(metrics.begin(), metrics.end(), std::back_inserter(compared), is_per_query);
  if (compared.empty()) return;
  // Cells of one data set differ in status only where their method lacks a metric, and all have those of queries.
  const auto column = std::find(metrics.begin(), metrics.end(), compared.front()) - metrics.begin();
  const Cell& own = row.cells[first + static_cast<std::size_t>(column)];
  const Cell& its = reference.cells[first + static_cast<std::size_t>(column)];
  if (own.status != CellStatus::kComplete || its.status != CellStatus::kComplete) return;
  const std::size_t common = std::min(own.jobs.size(), its.jobs.size()) / 2;
  refuse_other_classes(own, its, common, scores);
  std::vector<std::vector<PairedQuery>> trials;
  for (std::size_t trial = 0; trial < common; ++trial)  // trial after trial: training, evaluation
    trials.push_back(pair_queries(own.jobs[2 * trial + 1], its.jobs[2 * trial + 1], compared, scores));
  const auto intervals = paired_bootstrap(trials, compared.size());
  std::size_t at = 0;
  for (std::size_t m = 0; m < metrics.size(); ++m) {
    if (!is_per_query(metrics[m])) continue;
    const BootstrapInterval& interval = intervals[at++];
    row.cells[first + m].difference =
        Difference{reference.id, interval.mean, interval.low, interval.high, static_cast<int>(common)};
  }
}

ClaimStatus status_of(const std::vector<std::optional<bool>>& holds) {
  // One pair in the wrong order settles it, whatever is not there yet.
  if (std::find(holds.begin(), holds.end(), std::optional(false)) != holds.end()) return ClaimStatus::kDoesNotHold;
  return std::find(holds.begin(), holds.end(), std::nullopt) != holds.end() ? ClaimStatus::kOpen : ClaimStatus::kHolds;
}

}  // namespace

void add_differences(Table& table, const TablePlan& plan, const RecordLookup& lookup,
                     const QueryScoresLookup& query_scores) {
  table.compare_with = plan.compare_with;
  if (plan.compare_with.empty()) return;
  const auto reference =
      std::find_if(table.rows.begin(), table.rows.end(), [&](const Row& row) { return row.id == plan.compare_with; });
  RESOLUTE_EXPECT(reference != table.rows.end(), "a table compares with a row of its own");
  ReadScores scores(lookup, query_scores);
  for (Row& row : table.rows) {
    if (&row == &*reference) continue;
    for (std::size_t first = 0; first < row.cells.size(); first += table.metrics.size()) try {
        compare(row, *reference, first, table.metrics, scores);
      } catch (const core::RuntimeError& error) {
        for (std::size_t m = 0; m < table.metrics.size(); ++m)
          if (is_per_query(table.metrics[m])) row.cells[first + m].difference_why = error.what();
      }
  }
}

std::vector<Claim> hold_claims(const Table& table, const TablePlan& plan) {
  std::vector<Claim> claims;
  for (const experiments::ClaimPlan& stated : plan.claims) {
    Claim claim{stated.dataset, stated.metric, stated.paper, stated.paper_dataset, {}, {}, ClaimStatus::kOpen};
    const bool down = experiments::metric_named(stated.metric)->better == experiments::Better::kDown;
    std::optional<double> last;  // mean so far
    for (const std::string& id : stated.worse_to_better) {
      const auto row = std::find_if(table.rows.begin(), table.rows.end(), [&](const Row& one) { return one.id == id; });
      RESOLUTE_EXPECT(row != table.rows.end(), "a claim is about rows of its table");
      const auto cell = std::find_if(row->cells.begin(), row->cells.end(), [&](const Cell& one) {
        return one.dataset == stated.dataset && one.metric == stated.metric;
      });
      RESOLUTE_EXPECT(cell != row->cells.end(), "a claim is about cells of its table");
      claim.rows.push_back({row->id, row->label, cell->mean});
      if (claim.rows.size() > 1)
        claim.holds.push_back(last && cell->mean ? std::optional(down ? *last > *cell->mean : *last < *cell->mean)
                                                 : std::nullopt);
      if (cell->mean) last = cell->mean;
    }
    claim.status = status_of(claim.holds);
    claims.push_back(std::move(claim));
  }
  return claims;
}

}  // namespace resolute::results
