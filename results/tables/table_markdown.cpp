#include "results/tables/table_markdown.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "experiments/specification/metrics.h"

namespace resolute::results {
namespace {

using TextRow = std::vector<std::string>;

//! Text of a user within a table's cell.
std::string plain(const std::string& text) {
  std::string safe;
  for (char c : text) {
    if (c == '|' || c == '\\') safe += '\\';
    safe += c == '\n' || c == '\r' ? ' ' : c;
  }
  return safe;
}

int decimals_of(const std::string& metric) { return experiments::metric_named(metric)->unit->decimals; }

std::string heading_of(const std::string& metric) {
  const experiments::MetricName name = experiments::metric_named(metric);
  return name->heading_at(name.rate);
}

std::string column_name(const Table& table, const std::string& dataset, const std::string& metric) {
  return table.datasets.size() > 1 ? fmt::format("{} {}", plain(dataset), heading_of(metric)) : heading_of(metric);
}

//! Characters, not bytes: UTF-8 continuation bytes take no column.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string cell_text(const Cell& cell) {
  std::string text;
  switch (cell.status) {
    case CellStatus::kComplete: {
      const int decimals = decimals_of(cell.metric);
      text = fmt::format("{:.{}f}", *cell.mean, decimals);
      if (cell.std) text += fmt::format(" ± {:.{}f}", *cell.std, decimals);
      break;
    }
    case CellStatus::kNotApplicable:
      text = "–";
      break;
    case CellStatus::kIncomplete:
      text = fmt::format("… {}/{} trials", cell.trials, cell.trials_needed);
      break;
    case CellStatus::kMixed:
    case CellStatus::kStale:
      text = fmt::format("`{}`", settings::word(cell.status));
      break;
  }
  if (cell.reference) text += fmt::format(" ({:.1f})", *cell.reference);
  return text;
}

//! What chance scores in each column: that of the first row whose number is there (the rows share splits and
//! galleries).
TextRow chance_row(const Table& table, std::size_t columns) {
  TextRow texts(columns);
  bool any = false;
  for (std::size_t c = 0; c < columns; ++c) {
    for (const Row& row : table.rows) {
      if (c >= row.cells.size() || !row.cells[c].chance) continue;
      texts[c] = fmt::format("{:.1f}", *row.cells[c].chance);
      any = true;
      break;
    }
  }
  return any ? texts : TextRow();
}

std::string aligned(const std::vector<TextRow>& rows) {
  std::vector<std::size_t> widths(rows.front().size(), 3);
  for (const TextRow& row : rows)
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], width_of(row[c]));
  std::string text;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (std::size_t c = 0; c < rows[r].size(); ++c) {
      std::string padding(widths[c] - width_of(rows[r][c]), ' ');
      text += c == 0 ? "| " + rows[r][c] + padding : " | " + padding + rows[r][c];
    }
    text += " |\n";
    if (r > 0) continue;
    for (std::size_t c = 0; c < widths.size(); ++c)
      text += (c == 0 ? "|:" : "|") + std::string(widths[c] + 1, '-') + (c == 0 ? "" : ":");
    text += "|\n";
  }
  return text;
}

std::string join(const auto& values) {
  std::string text;
  for (const auto& value : values) text += fmt::format("{}{}", text.empty() ? "" : ", ", value);
  return text;
}

//! In what the table's numbers are.
std::string units(const Table& table) {
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

std::string legend(const Table& table) {
  std::set<int> trials;
  bool references = false;
  bool incomplete = false;
  bool not_applicable = false;
  for (const Row& row : table.rows) {
    for (const Cell& cell : row.cells) {
      not_applicable = not_applicable || cell.status == CellStatus::kNotApplicable;
      trials.insert(cell.trials_needed);
      references = references || cell.reference;
      incomplete = incomplete || cell.status == CellStatus::kIncomplete;
    }
  }
  std::string text = units(table);
  if (trials.empty() || *trials.rbegin() < 2)
    text += "; one trial.";
  else
    text += fmt::format("; mean ± sample standard deviation over {} trials.", join(trials));
  if (references) text += " In parentheses: the paper's number.";
  for (const std::string& paper : table.no_reference)
    text += fmt::format(" No reference: no number of \"{}\" is known for this table.", plain(paper));
  if (not_applicable) text += " `–`: the row has no such number.";
  if (incomplete) text += " `…`: trials that are not there yet.";
  if (!table.lanes.empty()) text += fmt::format(" Lanes L = {}.", join(table.lanes));
  return text;
}

//! Why cells are marked mixed or stale, each reason once.
std::vector<std::string> marks(const Table& table) {
  std::vector<std::string> lines;
  for (const Row& row : table.rows) {
    for (const Cell& cell : row.cells) {
      if (cell.why.empty()) continue;
      auto line = fmt::format("`{}`, {} on {}: {}; not averaged", settings::word(cell.status), plain(row.label),
                              plain(cell.dataset), cell.why);
      if (std::find(lines.begin(), lines.end(), line) == lines.end()) lines.push_back(line);
    }
  }
  return lines;
}

int most_trials(const Row& row, const std::string& dataset) {
  int most = 0;
  for (const Cell& cell : row.cells)
    if (cell.dataset == dataset) most = std::max(most, cell.trials);
  return most;
}

//! The cells that differences are told of, below one another as in the table above.
std::string differences(const Table& table) {
  const auto reference =
      std::find_if(table.rows.begin(), table.rows.end(), [&](const Row& row) { return row.id == table.compare_with; });
  if (reference == table.rows.end()) return "";
  TextRow header{"method"};
  for (const std::string& dataset : table.datasets)
    for (const std::string& metric : table.metrics)
      if (experiments::metric_named(metric)->is_per_query()) header.push_back(column_name(table, dataset, metric));
  std::vector<TextRow> rows{header};
  std::string reasons;
  for (const Row& row : table.rows) {
    if (&row == &*reference) continue;
    TextRow texts{plain(row.label)};
    for (const Cell& cell : row.cells) {
      if (!experiments::metric_named(cell.metric)->is_per_query()) continue;
      const auto& d = cell.difference;
      std::string text = d ? fmt::format("{:+.1f} [{:+.1f}, {:+.1f}]", d->mean, d->low, d->high) : "…";
      // Not the difference of the two means above where one row has more trials.
      if (d && d->trials < std::max(cell.trials, most_trials(*reference, cell.dataset)))
        text += fmt::format(", {} trials", d->trials);
      texts.push_back(std::move(text));
      const std::string line =
          fmt::format("\n- none for {} on {}: {}", plain(row.label), plain(cell.dataset), plain(cell.difference_why));
      if (!cell.difference_why.empty() && reasons.find(line) == std::string::npos) reasons += line;
    }
    rows.push_back(std::move(texts));
  }
  return fmt::format("\nDifference from {} (paired bootstrap over trials and identities, 95 %):\n\n{}{}{}",
                     plain(reference->label), aligned(rows), reasons, reasons.empty() ? "" : "\n");
}

//! One line a claim of the papers.
std::string claims(const Table& table) {
  std::string text;
  for (const Claim& claim : table.claims) {
    const bool down = experiments::metric_named(claim.metric)->better == experiments::Better::kDown;
    std::string order;
    std::string against;
    const ClaimRow* last = nullptr;  // that has a mean
    for (std::size_t i = 0; i < claim.rows.size(); ++i) {
      const ClaimRow& row = claim.rows[i];
      order += (i == 0 ? "" : down ? " > " : " < ") + plain(row.label);
      if (i > 0 && !claim.holds[i - 1].value_or(true))
        against += fmt::format("{0}{1} {2:.{5}f} {6} {3} {4:.{5}f}", against.empty() ? ": " : ", ", plain(last->label),
                               *last->mean, plain(row.label), *row.mean, decimals_of(claim.metric), down ? "≤" : "≥");
      if (row.mean) last = &row;
    }
    if (claim.status == ClaimStatus::kOpen) against = ": some means are missing";
    if (claim.status == ClaimStatus::kHolds || claim.status == ClaimStatus::kHoldsInTheMeans)
      for (const auto& d : claim.differences)
        if (d)
          against +=
              fmt::format("{}{:+.1f} [{:+.1f}, {:+.1f}]", against.empty() ? ": " : ", ", d->mean, d->low, d->high);
    text += fmt::format("- Claim of the paper ({} on {}): {}: {} here on {}{}\n", heading_of(claim.metric),
                        plain(claim.paper_dataset), order, settings::word(claim.status), plain(claim.dataset), against);
  }
  return text;
}

}  // namespace

std::string to_markdown(const Table& table, const std::vector<std::string>& notes) {
  TextRow header{"method"};
  for (const std::string& dataset : table.datasets)
    for (const std::string& metric : table.metrics) header.push_back(column_name(table, dataset, metric));
  std::vector<TextRow> rows{header};
  for (const Row& row : table.rows) {
    TextRow texts{plain(row.label)};
    for (const Cell& cell : row.cells) texts.push_back(cell_text(cell));
    texts.resize(header.size());
    rows.push_back(std::move(texts));
  }
  TextRow chance = chance_row(table, header.size() - 1);
  if (!chance.empty()) {
    chance.insert(chance.begin(), "*chance*");
    rows.push_back(std::move(chance));
  }
  std::string text = aligned(rows) + "\n";
  if (table.datasets.size() == 1) text += fmt::format("Data set: {}. ", plain(table.datasets.front()));
  text += legend(table) + "\n";
  std::vector<std::string> lines = marks(table);
  bool said = std::any_of(notes.begin(), notes.end(),
                          [](const std::string& note) { return note.find("from scratch") != std::string::npos; });
  if (table.from_scratch && !said) lines.push_back("trained from scratch");
  for (const std::string& note : notes) lines.push_back(plain(note));
  for (const std::string& line : lines) text += fmt::format("{}- {}\n", &line == &lines.front() ? "\n" : "", line);
  const std::string compared = differences(table);
  const std::string held = claims(table);
  // A list of its own where it does not go on with the notes'.
  const bool apart = !held.empty() && (lines.empty() || !compared.empty());
  return text + compared + (apart ? "\n" : "") + held;
}

std::string to_markdown(const SuiteTables& tables) {
  std::string text = fmt::format("# {}\n", plain(tables.title.empty() ? tables.suite : tables.title));
  for (const Table& table : tables.tables)
    text += fmt::format("\n## {}\n\n{}", plain(table.title.empty() ? table.id : table.title),
                        to_markdown(table, tables.notes));
  return text;
}

}  // namespace resolute::results
