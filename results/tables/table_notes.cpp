#include "results/tables/table_notes.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "experiments/specification/metrics.h"
#include "results/scores/ranking.h"
#include "results/tables/paper_number.h"
#include "settings/names.h"

namespace resolute::results {
namespace {

//! In what the table's numbers are.
std::string units_of(const Table& table) {
  std::set<std::string_view> legends;
  for (const std::string& metric : table.metrics) {
    const char* legend = experiments::metric_named(metric)->unit->legend;
    legends.insert(legend == nullptr ? "" : legend);
  }
  const bool per_cent = legends.erase("") > 0;
  if (legends.empty()) return "Per cent";
  std::vector<std::string_view> others;
  for (const experiments::Metric& metric : experiments::kMetrics)
    if (metric.unit->legend != nullptr && legends.erase(metric.unit->legend) > 0) others.push_back(metric.unit->legend);
  return fmt::format("{}{}", per_cent ? "Per cent, but " : "In the table: ", fmt::join(others, ", "));
}

//! The numbers behind a step's verdict, and the verdict where the claim's is another. \param before row of the step
std::string step_text(const ComparedClaim& claim, std::size_t step, const ClaimRow* before) {
  const ClaimRow& after = claim.rows[step + 1];
  std::string text = "…";
  if (const auto& d = claim.differences[step])
    text = fmt::format("{:+.1f} [{:+.1f}, {:+.1f}]{}{}", d->mean, d->low, d->high,
                       survives_holm(*d) ? fmt::format(" {}", kHolmMark) : "",
                       d->footnotes.empty() ? "" : " (of several numeric classes)");
  else if (before != nullptr && after.mean)
    text = fmt::format("{:.{}f} → {:.{}f}", *before->mean, decimals_of(claim.metric), *after.mean,
                       decimals_of(claim.metric));
  return claim.steps[step] == claim.status ? text
                                           : fmt::format("{} ({})", text, words(claim.steps[step], claim.trials));
}

std::string claim_text(const Table& table, const ComparedClaim& claim, const Markup& markup) {
  const bool down = experiments::metric_named(claim.metric)->better == experiments::Better::kDown;
  const bool some = claim.form == experiments::ClaimForm::kSome;
  const std::string next = down ? " > " : " < ";
  std::string order, steps;
  const ClaimRow* last = nullptr;  // that has a mean
  for (std::size_t i = 0; i < claim.rows.size(); ++i) {
    order += (i == 0  ? ""
              : !some ? next
              : i > 1 ? ", "
                      : next + (claim.rows.size() > 2 ? "some of " : "")) +
             markup.plain(claim.rows[i].label);
    if (i > 0) steps += (i == 1 ? "" : ", ") + step_text(claim, i - 1, last);
    if (claim.rows[i].mean && (!some || i == 0)) last = &claim.rows[i];
  }
  return fmt::format("({}; paper: {}; here: {}): {}: {}: {}", heading_of(claim.metric),
                     markup.plain(claim.paper_dataset), markup.plain(column_title(table, claim.dataset)), order,
                     words(claim.status, claim.trials), steps);
}

//! Columns' names for people.
std::string names_of(std::vector<std::string> columns) {
  std::ranges::transform(columns, columns.begin(), experiments::column_name);
  return fmt::format("{}", fmt::join(columns, ", "));
}

//! Data sets among marked columns; a table of its own of the means has no other.
std::string names_without_mean(std::vector<std::string> columns) {
  if (columns.size() > 1) std::erase(columns, experiments::kMeanColumn);
  return names_of(std::move(columns));
}

}  // namespace

std::string as_printed(double number, const std::string& dataset) {
  // The shortest text that is this number: papers print one decimal at least, and no zeros beyond it.
  std::string text = dataset == experiments::kMeanColumn ? fmt::format("{:.2f}", number) : fmt::format("{}", number);
  if (text.find('.') == std::string::npos) return text + ".0";
  while (text.ends_with('0') && text[text.size() - 2] != '.') text.pop_back();
  return text;
}

Footnotes::Footnotes(const Table& table, Of wanted) {
  if (wanted != Of::kDifferences) {
    for (const experiments::PublishedRow& row : table.published)
      for (const std::string& dataset : table.datasets)
        for (const std::string& metric : table.metrics) add(published_footnotes(row, dataset, metric));
    for (const Row& row : table.rows)
      for (const Cell& cell : row.cells) {
        add(cell.footnotes);
        add(cell.own_footnotes);
      }
  }
  if (wanted == Of::kCells) return;
  for (const Row& row : table.rows)
    for (const Cell& cell : row.cells)
      if (cell.difference) add(cell.difference->footnotes);
}

void Footnotes::add(const std::vector<std::string>& footnotes) {
  for (const std::string& footnote : footnotes)
    if (std::ranges::find(texts_, footnote) == texts_.end()) texts_.push_back(footnote);
}

std::vector<std::size_t> Footnotes::numbers_of(const std::vector<std::string>& footnotes) const {
  std::vector<std::size_t> numbers;
  for (const std::string& footnote : footnotes)
    numbers.push_back(static_cast<std::size_t>(std::ranges::find(texts_, footnote) - texts_.begin()) + 1);
  std::ranges::sort(numbers);
  return numbers;
}

int decimals_of(const std::string& metric) { return experiments::metric_named(metric)->unit->decimals; }

std::string heading_of(const std::string& metric) { return experiments::metric_named(metric).heading(); }

bool is_per_query(const std::string& metric) { return experiments::metric_named(metric)->is_per_query(); }

std::map<std::pair<std::string, std::string>, double> chance_of(const Table& table) {
  std::map<std::pair<std::string, std::string>, std::set<double>> of_rows;
  for (const Row& row : table.rows)
    for (const Cell& cell : row.cells)
      if (cell.chance) of_rows[{cell.dataset, cell.metric}].insert(*cell.chance);
  std::map<std::pair<std::string, std::string>, double> chance;
  for (const auto& [column, scores] : of_rows)
    if (scores.size() == 1) chance[column] = *scores.begin();
  return chance;
}

std::string legend_of(const Table& table, const Markup& markup) {
  std::set<int> trials;
  bool references = !table.published.empty();
  bool incomplete = false;
  bool not_applicable = false;
  bool best = false;
  for (const Row& row : table.rows) {
    for (const Cell& cell : row.cells) {
      best = best || cell.best;
      not_applicable = not_applicable || cell.status == CellStatus::kNotApplicable;
      trials.insert(cell.trials_needed);
      references = references || cell.reference || cell.no_reference;
      incomplete = incomplete || cell.status == CellStatus::kIncomplete;
    }
  }
  std::string text = units_of(table);
  if (trials.empty() || *trials.rbegin() < 2)
    text += "; one trial.";
  else
    text += fmt::format("; mean ± sample standard deviation over {} trials.", fmt::join(trials, ", "));
  if (!table.mean_of.empty())
    text += fmt::format(" {}: over {}.", markup.mark(experiments::kMeanColumn), markup.plain(names_of(table.mean_of)));
  if (references) text += fmt::format(" {}", markup.references);
  if (best) text += " Bold: better than each other row of the column, by the whole 95 % interval of the difference.";
  if (!table.published.empty()) text += " Rows without a number of ours are as published: nothing of them was run.";
  for (const std::string& paper : table.no_reference)
    text += fmt::format(" No reference: no number of \"{}\" is known for this table.", markup.plain(paper));
  if (not_applicable) text += fmt::format(" {}: the row has no such number.", markup.mark("–"));
  if (incomplete) text += fmt::format(" {}: trials that are not there yet.", markup.mark("…"));
  if (std::ranges::any_of(table.lanes, [](int lanes) { return lanes != 1; }))
    text += fmt::format(" Lanes L = {}.", fmt::join(table.lanes, ", "));
  return text;
}

std::string stand_in_note(const Table& table, const Markup& markup) {
  if (table.stand_ins.empty()) return {};
  return fmt::format(
      "stand-ins, not the real data: the images of {} are made up; numbers on them say nothing about a paper's",
      markup.plain(names_without_mean(table.stand_ins)));
}

std::vector<std::string> notes_of(const Table& table, const std::vector<std::string>& suite_notes,
                                  const Markup& markup) {
  std::vector<std::string> notes = table.notes;
  notes.insert(notes.end(), suite_notes.begin(), suite_notes.end());
  std::vector<std::string> lines;
  if (!table.drawn.empty())
    lines.push_back(fmt::format("drawn images: a program made those of {}; numbers on them say nothing about a paper's",
                                markup.plain(names_without_mean(table.drawn))));
  const auto add_once = [&lines](std::string line) {
    if (std::ranges::find(lines, line) == lines.end()) lines.push_back(std::move(line));
  };
  for (const Row& row : table.rows)
    for (const Cell& cell : row.cells)
      if (!cell.why.empty())
        add_once(fmt::format("{}, {} on {}: {}; not averaged", markup.mark(settings::word(cell.status)),
                             markup.plain(row.label), markup.plain(experiments::column_name(cell.dataset)), cell.why));
  for (const Row& row : table.rows)
    for (const Cell& cell : row.cells) {
      if (!is_per_query(cell.metric) || !cell.mean || !cell.chance || !is_far_below_chance(*cell.mean, *cell.chance))
        continue;
      add_once(fmt::format("{} on {}: below half of chance, so its trainings came to nothing; their losses tell how",
                           markup.plain(row.label), markup.plain(experiments::column_name(cell.dataset))));
    }
  const bool noted = std::ranges::any_of(
      notes, [](const std::string& note) { return note.find("from scratch") != std::string::npos; });
  if (table.from_scratch && !noted) lines.push_back("trained from scratch");
  for (const std::string& note : step_notes(table)) lines.push_back(markup.plain(note));
  for (const std::string& note : notes) lines.push_back(markup.plain(note));
  return lines;
}

const Row* compared_row(const Table& table) {
  for (const Row& row : table.rows)
    if (row.id == table.compare_with) return &row;
  return nullptr;
}

std::string behind_interval(const Difference& difference, int rows_trials) {
  if (side_of(difference) == Side::kNoVerdict) return ", " + no_verdict(difference.trials);
  return (difference.trials < rows_trials ? fmt::format(", {} trials", difference.trials) : "") +
         (survives_holm(difference) ? fmt::format(" {}", kHolmMark) : "");
}

std::string behind_interval(const Cell& cell, const Row& compared) {
  if (!cell.difference) return "";
  int most = cell.trials;
  for (const Cell& other : compared.cells)
    if (other.dataset == cell.dataset) most = std::max(most, other.trials);
  return behind_interval(*cell.difference, most);
}

std::string comparisons_note(std::size_t comparisons) {
  if (comparisons == 0) return "";
  return fmt::format("{} {} here; {}: p < 0.05 after Holm's adjustment for all of them", comparisons,
                     comparisons == 1 ? "comparison" : "comparisons", kHolmMark);
}

std::vector<std::string> missing_differences(const Table& table, const Markup& markup) {
  std::vector<std::string> lines;
  for (const Row& row : table.rows)
    for (const Cell& cell : row.cells) {
      if (cell.difference_why.empty() || row.id == table.compare_with || !is_per_query(cell.metric)) continue;
      auto line = fmt::format("none for {} on {}: {}", markup.plain(row.label),
                              markup.plain(experiments::column_name(cell.dataset)), markup.plain(cell.difference_why));
      if (std::ranges::find(lines, line) == lines.end()) lines.push_back(line);
    }
  return lines;
}

std::vector<std::string> other_settings(const Table& table, const Markup& markup) {
  constexpr std::size_t kMostNamed = 4;
  std::vector<std::string> lines;
  const Row* compared = compared_row(table);
  if (compared == nullptr) return lines;
  for (const Row& row : table.rows) {
    if (row.other_settings.empty()) continue;
    std::vector<std::string> parts;
    for (const DifferentSetting& one : row.other_settings)
      parts.push_back(fmt::format("{} ({}, {})", one.key, value_text(one.first), value_text(one.second)));
    lines.push_back(fmt::format("{} differs from {} in {}", markup.plain(row.label), markup.plain(compared->label),
                                markup.plain(settings::first_names(parts, kMostNamed))));
  }
  return lines;
}

std::vector<std::string> claims_of(const Table& table, const Markup& markup) {
  std::vector<std::string> lines;
  for (const auto& [kind, where] : {std::pair(experiments::ClaimKind::kStated, "Stated in the text"),
                                    {experiments::ClaimKind::kPrinted, "Printed in a table"}}) {
    std::vector<std::string> of_kind;
    std::map<Verdict, int> counts;
    for (const ComparedClaim& claim : table.claims) {
      if (claim.kind != kind) continue;
      ++counts[claim.status];
      of_kind.push_back(fmt::format("{} {}", where, claim_text(table, claim, markup)));
    }
    std::string counted;
    for (const auto& [verdict, count] : counts)
      counted += fmt::format("{}{} {}", counted.empty() ? "" : ", ", count, settings::word(verdict));
    if (of_kind.size() > 1) lines.push_back(fmt::format("{}: {} orders: {}", where, of_kind.size(), counted));
    lines.insert(lines.end(), of_kind.begin(), of_kind.end());
  }
  if (std::string note = comparisons_note(table.comparisons);
      !lines.empty() && !note.empty() && table.compare_with.empty())
    lines.push_back(std::move(note));
  return lines;
}

}  // namespace resolute::results
