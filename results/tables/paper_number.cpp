#include "results/tables/paper_number.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "core/error.h"
#include "experiments/specification/metrics.h"
#include "results/tables/comparison.h"
#include "results/tables/table_notes.h"
#include "settings/names.h"

namespace resolute::results {
namespace {

bool has_paper_number(const Cell& cell) {
  return cell.status == CellStatus::kComplete && cell.reference && is_per_query(cell.metric);
}

//! A row's intervals; none where queries cannot be read.
MetricIntervals intervals_on(const Row& row, const std::string& dataset, const Table& table, const RecordLookup& lookup,
                             const QueryScoresLookup& query_scores) {
  try {
    return mean_intervals(row, dataset, table.metrics, [&](const JobId& evaluation) {
      const auto record = lookup(evaluation);
      RESOLUTE_EXPECT(record, "a complete cell has the records of its trials");
      return query_scores(std::get<EvaluationRecord>(*record));
    });
  } catch (const core::RuntimeError&) {
    return {};  // the means stand
  }
}

std::string text_of(const Cell& cell) {
  const AgainstPaper& against = *cell.against_paper;
  std::string text = fmt::format("{:+.1f}", against.difference);
  if (against.low) text += fmt::format(" [{:+.1f}, {:+.1f}]", *against.low, *against.high);
  if (against.verdict != PaperVerdict::kTooFewTrials)
    return fmt::format("{} {}", text, settings::word(against.verdict));
  return fmt::format("{}, {}", text, no_verdict(cell.trials));
}

// The data sets that the papers' numbers of a column are of: "a, b".
std::string paper_datasets(const Table& table, const std::string& dataset, const std::string& metric) {
  std::vector<std::string> papers;
  const auto add = [&](const std::string& name) {
    if (!name.empty() && !settings::is_among(papers, name)) papers.push_back(name);
  };
  for (const experiments::PublishedRow& row : table.published) add(published_dataset(row, dataset, metric));
  for (const Row& row : table.rows) add(row.at(dataset, metric).paper_dataset);
  return fmt::format("{}", fmt::join(papers, ", "));
}

// The column or the table's legend says which data set is ours.
std::string column_of(const Table& table, const std::string& dataset, const std::string& metric) {
  const std::string title = column_title(table, dataset), papers = paper_datasets(table, dataset, metric);
  const bool is_other = !experiments::other_dataset(papers, title).empty();
  const std::string heading = heading_of(metric) + (is_other ? fmt::format(" (paper: {})", papers) : "");
  return table.datasets.size() > 1 ? fmt::format("{} {}", title, heading) : heading;
}

bool was_compared(const Row& row) {
  return std::ranges::any_of(row.cells, [](const Cell& cell) { return cell.against_paper.has_value(); });
}

}  // namespace

AgainstPaper against_paper(double mean, double paper, double error, int trials,
                           const std::optional<BootstrapInterval>& interval, double margin) {
  AgainstPaper against{.difference = mean - paper};
  if (!interval) return against;
  against.low = interval->low - paper - error;
  against.high = interval->high - paper + error;
  if (trials < kFewestTrials)
    against.verdict = PaperVerdict::kTooFewTrials;
  else if (interval->inner_low - paper - error > -margin && interval->inner_high - paper + error < margin)
    against.verdict = PaperVerdict::kReproduces;
  else if (*against.low > margin || *against.high < -margin)
    against.verdict = PaperVerdict::kDiffers;
  else
    against.verdict = PaperVerdict::kUndecided;
  return against;
}

void compare_with_paper(Table& table, const RecordLookup& lookup, const QueryScoresLookup& query_scores) {
  if (query_scores == nullptr) return;
  for (Row& row : table.rows)
    for (const std::string& dataset : table.datasets) {
      const auto asks = [&](const Cell& cell) { return cell.dataset == dataset && has_paper_number(cell); };
      if (std::ranges::none_of(row.cells, asks)) continue;
      const MetricIntervals intervals = intervals_on(row, dataset, table, lookup, query_scores);
      for (Cell& cell : row.cells) {
        if (!asks(cell)) continue;
        const auto found = intervals.find(cell.metric);
        cell.against_paper =
            against_paper(*cell.mean, *cell.reference, cell.reference_error.value_or(0), cell.trials,
                          found == intervals.end() ? std::nullopt : std::optional(found->second), table.margin);
      }
    }
}

std::vector<std::vector<std::string>> paper_lines(const Table& table) {
  std::vector<std::vector<std::string>> lines{{"method"}};
  std::vector<std::pair<std::string, std::string>> columns;
  for (const std::string& dataset : table.datasets)
    for (const std::string& metric : table.metrics) {
      const auto is_there = [&](const Row& row) { return row.at(dataset, metric).against_paper.has_value(); };
      if (std::ranges::none_of(table.rows, is_there)) continue;
      columns.emplace_back(dataset, metric);
      lines.front().push_back(column_of(table, dataset, metric));
    }
  if (columns.empty()) return {};
  for (const Row& row : table.rows) {
    if (!was_compared(row)) continue;
    lines.push_back({row.label});
    for (const auto& [dataset, metric] : columns) {
      const Cell& cell = row.at(dataset, metric);
      lines.back().push_back(cell.against_paper ? text_of(cell) : "");
    }
  }
  return lines;
}

bool has_reference(const Table& table) {
  return std::ranges::any_of(table.rows, [](const Row& row) {
    return std::ranges::any_of(row.cells, [](const Cell& cell) { return cell.reference.has_value(); });
  });
}

std::string other_datasets(const Table& table, const std::string& dataset, const std::string& metric) {
  return experiments::other_dataset(paper_datasets(table, dataset, metric), column_title(table, dataset));
}

std::string paper_legend(const Table& table) {
  if (std::ranges::none_of(table.rows, was_compared)) return {};
  return fmt::format(
      "Against the paper's numbers (ours − paper, which is taken as exact unless it was read off a plot; 95 % interval "
      "for new people of this kind "
      "and new trainings; margin ±{0} points; {1}: within the margin, by two one-sided tests at 5 %; {2}: beyond it)",
      table.margin, settings::word(PaperVerdict::kReproduces), settings::word(PaperVerdict::kDiffers));
}

std::vector<std::string> paper_sentences(const Table& table) {
  std::vector<std::string> sentences;
  if (const std::string legend = paper_legend(table); !legend.empty()) sentences.push_back(legend + ".");
  for (const Row& row : table.rows)
    for (const Cell& cell : row.cells)
      if (cell.against_paper)
        sentences.push_back(
            fmt::format("{}, {}: {}", row.label, column_of(table, cell.dataset, cell.metric), text_of(cell)));
  return sentences;
}

std::vector<std::string> step_notes(const Table& table) {
  std::vector<std::string> notes;
  if (!table.published.empty() || has_reference(table))
    notes.emplace_back(
        "our numbers are of the last training step; public code of this field often reports the best epoch on the "
        "test set");
  if (std::ranges::find(table.metrics, experiments::kBestOnTest) != table.metrics.end())
    notes.push_back(fmt::format(
        "{}: the best of a training's evaluations on the way and its last, chosen on the test set itself; it shows "
        "what that choice is worth",
        heading_of(experiments::kBestOnTest)));
  return notes;
}

}  // namespace resolute::results
