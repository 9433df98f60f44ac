#include "results/tables/table_notes.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "experiments/specification/metrics.h"

namespace resolute::results {
namespace {

std::string join(const auto& values) {
  std::string text;
  for (const auto& value : values) text += fmt::format("{}{}", text.empty() ? "" : ", ", value);
  return text;
}

//! In what the table's numbers are.
std::string units_of(const Table& table) {
  std::set<std::string_view> said;
  for (const std::string& metric : table.metrics) {
    const char* legend = experiments::metric_named(metric)->unit->legend;
    said.insert(legend == nullptr ? "" : legend);
  }
  const bool per_cent = said.erase("") > 0;
  if (said.empty()) return "Per cent";
  std::vector<std::string_view> others;
  for (const experiments::Metric& metric : experiments::kMetrics)
    if (metric.unit->legend != nullptr && said.erase(metric.unit->legend) > 0) others.push_back(metric.unit->legend);
  return fmt::format("{}{}", per_cent ? "Per cent, but " : "In the table: ", join(others));
}

//! Data sets among marked columns; a table of its own of the means has no other.
std::vector<std::string> without_mean(std::vector<std::string> columns) {
  if (columns.size() > 1) std::erase(columns, experiments::kMeanColumn);
  return columns;
}

}  // namespace

std::string as_printed(double number, const std::string& dataset) {
  // The shortest text that is this number: papers print one decimal at least, and no zeros beyond it.
  std::string text = dataset == experiments::kMeanColumn ? fmt::format("{:.2f}", number) : fmt::format("{}", number);
  if (text.find('.') == std::string::npos) return text + ".0";
  while (text.ends_with('0') && text[text.size() - 2] != '.') text.pop_back();
  return text;
}

Footnotes::Footnotes(const Table& table) {
  for (const experiments::PublishedRow& row : table.published)
    for (const std::string& dataset : table.datasets)
      for (const std::string& metric : table.metrics) add(published_footnotes(row, dataset, metric));
  for (const Row& row : table.rows)
    for (const Cell& cell : row.cells) add(cell.footnotes);
}

void Footnotes::add(const std::vector<std::string>& footnotes) {
  for (const std::string& footnote : footnotes)
    if (std::find(texts_.begin(), texts_.end(), footnote) == texts_.end()) texts_.push_back(footnote);
}

std::vector<std::size_t> Footnotes::numbers_of(const std::vector<std::string>& footnotes) const {
  std::vector<std::size_t> numbers;
  for (const std::string& footnote : footnotes)
    numbers.push_back(static_cast<std::size_t>(std::find(texts_.begin(), texts_.end(), footnote) - texts_.begin()) + 1);
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

int decimals_of(const std::string& metric) { return experiments::metric_named(metric)->unit->decimals; }

std::string heading_of(const std::string& metric) {
  const experiments::MetricName name = experiments::metric_named(metric);
  return name->heading_at(name.rate);
}

bool is_per_query(const std::string& metric) { return experiments::metric_named(metric)->is_per_query(); }

std::vector<std::optional<double>> chance_of(const Table& table) {
  std::vector<std::optional<double>> chance(table.datasets.size() * table.metrics.size());
  for (std::size_t c = 0; c < chance.size(); ++c) {
    std::set<double> of_rows;
    for (const Row& row : table.rows)
      if (c < row.cells.size() && row.cells[c].chance) of_rows.insert(*row.cells[c].chance);
    if (of_rows.size() == 1) chance[c] = *of_rows.begin();
  }
  if (std::none_of(chance.begin(), chance.end(), [](const auto& score) { return score.has_value(); })) return {};
  return chance;
}

std::string legend_of(const Table& table, const Markup& markup) {
  std::set<int> trials;
  bool references = !table.published.empty();
  bool incomplete = false;
  bool not_applicable = false;
  for (const Row& row : table.rows) {
    for (const Cell& cell : row.cells) {
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
    text += fmt::format("; mean ± sample standard deviation over {} trials.", join(trials));
  if (!table.mean_of.empty())
    text += fmt::format(" {}: over {}.", markup.mark(experiments::kMeanColumn), markup.plain(join(table.mean_of)));
  if (references) text += fmt::format(" {}", markup.references);
  if (!table.published.empty()) text += " Rows without a number of ours are as published: nothing of them was run.";
  for (const std::string& paper : table.no_reference)
    text += fmt::format(" No reference: no number of \"{}\" is known for this table.", markup.plain(paper));
  if (not_applicable) text += fmt::format(" {}: the row has no such number.", markup.mark("–"));
  if (incomplete) text += fmt::format(" {}: trials that are not there yet.", markup.mark("…"));
  if (std::ranges::any_of(table.lanes, [](int lanes) { return lanes != 1; }))
    text += fmt::format(" Lanes L = {}.", join(table.lanes));
  return text;
}

std::string stand_in_note(const Table& table, const Markup& markup) {
  if (table.stand_ins.empty()) return {};
  return fmt::format(
      "stand-ins, not the real data: the images of {} are made up; numbers on them say nothing about a paper's",
      markup.plain(join(without_mean(table.stand_ins))));
}

std::vector<std::string> notes_of(const Table& table, const std::vector<std::string>& suite_notes,
                                  const Markup& markup) {
  std::vector<std::string> notes = table.notes;
  notes.insert(notes.end(), suite_notes.begin(), suite_notes.end());
  std::vector<std::string> lines;
  if (!table.drawn.empty())
    lines.push_back(fmt::format("drawn images: a program made those of {}; numbers on them say nothing about a paper's",
                                markup.plain(join(without_mean(table.drawn)))));
  for (const Row& row : table.rows) {
    for (const Cell& cell : row.cells) {
      if (cell.why.empty()) continue;
      auto line = fmt::format("{}, {} on {}: {}; not averaged", markup.mark(settings::word(cell.status)),
                              markup.plain(row.label), markup.plain(cell.dataset), cell.why);
      if (std::find(lines.begin(), lines.end(), line) == lines.end()) lines.push_back(line);
    }
  }
  const bool said = std::any_of(notes.begin(), notes.end(),
                                [](const std::string& note) { return note.find("from scratch") != std::string::npos; });
  if (table.from_scratch && !said) lines.push_back("trained from scratch");
  for (const std::string& note : notes) lines.push_back(markup.plain(note));
  return lines;
}

const Row* compared_row(const Table& table) {
  for (const Row& row : table.rows)
    if (row.id == table.compare_with) return &row;
  return nullptr;
}

std::optional<int> fewer_trials(const Cell& cell, const Row& compared) {
  if (!cell.difference) return std::nullopt;
  int most = cell.trials;
  for (const Cell& other : compared.cells)
    if (other.dataset == cell.dataset) most = std::max(most, other.trials);
  return cell.difference->trials < most ? std::optional(cell.difference->trials) : std::nullopt;
}

std::vector<std::string> missing_differences(const Table& table, const Markup& markup) {
  std::vector<std::string> lines;
  for (const Row& row : table.rows)
    for (const Cell& cell : row.cells) {
      if (cell.difference_why.empty() || row.id == table.compare_with || !is_per_query(cell.metric)) continue;
      auto line = fmt::format("none for {} on {}: {}", markup.plain(row.label), markup.plain(cell.dataset),
                              markup.plain(cell.difference_why));
      if (std::find(lines.begin(), lines.end(), line) == lines.end()) lines.push_back(line);
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
    const std::size_t more = parts.size() - std::min(parts.size(), kMostNamed);
    parts.resize(parts.size() - more);
    lines.push_back(fmt::format("{} differs from {} in {}{}", markup.plain(row.label), markup.plain(compared->label),
                                markup.plain(join(parts)), more > 0 ? fmt::format(" and {} more", more) : ""));
  }
  return lines;
}

std::vector<std::string> claims_of(const Table& table, const Markup& markup) {
  std::vector<std::string> lines;
  for (const ComparedClaim& claim : table.claims) {
    const bool down = experiments::metric_named(claim.metric)->better == experiments::Better::kDown;
    std::string order;
    std::string against;
    const ClaimRow* last = nullptr;  // that has a mean
    for (std::size_t i = 0; i < claim.rows.size(); ++i) {
      const ClaimRow& row = claim.rows[i];
      order += (i == 0 ? "" : down ? " > " : " < ") + markup.plain(row.label);
      if (i > 0 && !claim.holds[i - 1].value_or(true))
        against +=
            fmt::format("{0}{1} {2:.{5}f} {6} {3} {4:.{5}f}", against.empty() ? ": " : ", ", markup.plain(last->label),
                        *last->mean, markup.plain(row.label), *row.mean, decimals_of(claim.metric), down ? "≤" : "≥");
      if (row.mean) last = &row;
    }
    if (claim.status == ClaimStatus::kOpen) against = ": some means are missing";
    if (claim.status == ClaimStatus::kHolds || claim.status == ClaimStatus::kHoldsInTheMeans)
      for (const auto& d : claim.differences)
        if (d)
          against +=
              fmt::format("{}{:+.1f} [{:+.1f}, {:+.1f}]", against.empty() ? ": " : ", ", d->mean, d->low, d->high);
    lines.push_back(fmt::format("Claim of the paper ({} on {}): {}: {} here on {}{}", heading_of(claim.metric),
                                markup.plain(claim.paper_dataset), order, settings::word(claim.status),
                                markup.plain(column_title(table, claim.dataset)), against));
  }
  return lines;
}

}  // namespace resolute::results
