#include <fmt/format.h>

#include <algorithm>

#include "results/tables/paper_number.h"
#include "results/tables/table_notes.h"
#include "results/tables/tables.h"

namespace resolute::results {
namespace {

using TextRow = std::vector<std::string>;

bool is_of_word(const std::string& text, std::size_t at) {
  if (at >= text.size()) return false;
  const char c = text[at];
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
         static_cast<unsigned char>(c) >= 0x80;
}

//! Tells whether the character would be read as markup: "a_b", "[1]", "A & B", "< 5" and "~5" stand for themselves, and
//! are read on terminals too.
bool is_markup(const std::string& text, std::size_t at) {
  const auto next_is_one_of = [&](std::string_view characters) {
    return at + 1 < text.size() && characters.find(text[at + 1]) != std::string_view::npos;
  };
  switch (text[at]) {
    case '|':
    case '\\':
    case '`':
    case '*':
      return true;
    case '_':
      return at == 0 || !is_of_word(text, at - 1) || !is_of_word(text, at + 1);
    case ']':
      return next_is_one_of("([");
    case '&':
      return is_of_word(text, at + 1) || next_is_one_of("#");
    case '<':
      return is_of_word(text, at + 1) || next_is_one_of("/!?");
    case '~':
      return next_is_one_of("~") || (at > 0 && text[at - 1] == '~');
    default:
      return false;
  }
}

//! Text of a user within a table's cell.
std::string plain(const std::string& text) {
  std::string safe;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (is_markup(text, at)) safe += '\\';
    safe += c == '\n' || c == '\r' ? ' ' : c;
  }
  return safe;
}

std::string column_name(const Table& table, const std::string& dataset, const std::string& metric) {
  return table.datasets.size() > 1 ? fmt::format("{} {}", plain(column_title(table, dataset)), heading_of(metric))
                                   : heading_of(metric);
}

std::string code(std::string_view word) { return fmt::format("`{}`", word); }

constexpr Markup kMarkdown{plain, code, "In parentheses: the paper's number."};

std::string list_of(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += "- " + line + "\n";
  return text;
}

//! Characters, not bytes: UTF-8 continuation bytes take no column.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

//! Raised figures, "¹ ²".
std::string raised(const std::vector<std::size_t>& numbers) {
  constexpr std::string_view kFigures[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string text;
  for (const std::size_t number : numbers) {
    if (!text.empty()) text += ' ';
    for (const char figure : std::to_string(number)) text += kFigures[static_cast<std::size_t>(figure - '0')];
  }
  return text;
}

//! The paper's text in a cell; empty where it was not asked.
std::string paper_text(const std::optional<double>& number, const std::string& dataset, bool no_reference,
                       const std::vector<std::size_t>& marks) {
  if (!number && !no_reference) return "";
  return fmt::format("({}){}", number ? as_printed(*number, dataset) : kNoReference, raised(marks));
}

std::string own_text(const Cell& cell) {
  if (cell.status == CellStatus::kNotApplicable) return "–";
  if (cell.status == CellStatus::kIncomplete) return fmt::format("… {}/{} trials", cell.trials, cell.trials_needed);
  if (cell.status != CellStatus::kComplete) return code(settings::word(cell.status));
  const int decimals = decimals_of(cell.metric);
  std::string text = fmt::format("{:.{}f}", *cell.mean, decimals);
  if (cell.std) text += fmt::format(" ± {:.{}f}", *cell.std, decimals);
  return cell.best ? fmt::format("**{}**", text) : text;
}

std::string cell_text(const Cell& cell, const Footnotes& footnotes) {
  const std::string text = own_text(cell) + raised(footnotes.numbers_of(cell.own_footnotes));
  const std::string paper =
      paper_text(cell.reference, cell.dataset, cell.no_reference, footnotes.numbers_of(cell.footnotes));
  return paper.empty() ? text : text + " " + paper;
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

//! The cells that differences are told of, below one another as in the table above.
std::string differences(const Table& table, const Footnotes& footnotes) {
  const Row* compared = compared_row(table);
  if (compared == nullptr) return "";
  TextRow header{"method"};
  for (const std::string& dataset : table.datasets)
    for (const std::string& metric : table.metrics)
      if (is_per_query(metric)) header.push_back(column_name(table, dataset, metric));
  std::vector<TextRow> rows{header};
  for (const Row& row : table.rows) {
    if (&row == compared) continue;
    TextRow texts{plain(row.label)};
    for (const Cell& cell : row.cells) {
      if (!is_per_query(cell.metric)) continue;
      const auto& d = cell.difference;
      texts.push_back(d ? fmt::format("{:+.1f} [{:+.1f}, {:+.1f}]{}{}", d->mean, d->low, d->high,
                                      behind_interval(cell, *compared), raised(footnotes.numbers_of(d->footnotes)))
                        : "…");
    }
    rows.push_back(std::move(texts));
  }
  const std::string reasons =
      list_of(missing_differences(table, kMarkdown)) + list_of(other_settings(table, kMarkdown));
  const std::string counted = comparisons_note(table.comparisons);
  return fmt::format("\nDifference from {} (95 % for new people and new trainings, paired bootstrap{}{}):\n\n{}{}{}",
                     plain(compared->label), counted.empty() ? "" : "; ", counted, aligned(rows),
                     reasons.empty() ? "" : "\n", reasons);
}

std::string against_papers(const Table& table) {
  const auto lines = paper_lines(table);
  return lines.empty() ? "" : fmt::format("\n{}:\n\n{}", paper_legend(table), markdown_table(lines));
}

}  // namespace

std::string to_markdown(const Table& table, const std::vector<std::string>& notes) {
  TextRow header{"method"};
  for (const std::string& dataset : table.datasets)
    for (const std::string& metric : table.metrics) header.push_back(column_name(table, dataset, metric));
  std::vector<TextRow> rows{header};
  const Footnotes footnotes(table);
  for (const experiments::PublishedRow& row : table.published) {
    TextRow texts{plain(row.label)};
    for (const std::string& dataset : table.datasets)
      for (const std::string& metric : table.metrics)
        texts.push_back(paper_text(published_number(row, dataset, metric), dataset,
                                   published_lacks(row, dataset, metric),
                                   footnotes.numbers_of(published_footnotes(row, dataset, metric))));
    rows.push_back(std::move(texts));
  }
  for (const Row& row : table.rows) {
    TextRow texts{plain(row.label)};
    for (const Cell& cell : row.cells) texts.push_back(cell_text(cell, footnotes));
    texts.resize(header.size());
    rows.push_back(std::move(texts));
  }
  const auto chance = chance_of(table);
  if (!chance.empty()) {
    TextRow texts{"*chance*"};
    for (const std::string& dataset : table.datasets)
      for (const std::string& metric : table.metrics) {
        const auto score = chance.find({dataset, metric});
        texts.push_back(score == chance.end() ? "" : fmt::format("{:.1f}", score->second));
      }
    rows.push_back(std::move(texts));
  }
  std::string text = aligned(rows) + "\n";
  if (table.datasets.size() == 1)
    text += fmt::format("Data set: {}. ", plain(column_title(table, table.datasets.front())));
  text += legend_of(table, kMarkdown) + "\n";
  std::vector<std::string> notes_below;
  for (const std::string& footnote : footnotes.texts())
    notes_below.push_back(fmt::format("{} {}", raised({notes_below.size() + 1}), plain(footnote)));
  for (std::string& note : notes_of(table, notes, kMarkdown)) notes_below.push_back(std::move(note));
  if (std::string note = stand_in_note(table, kMarkdown); !note.empty())
    notes_below.insert(notes_below.begin(), std::move(note));
  const std::string lines = list_of(notes_below);
  const std::string compared = differences(table, footnotes) + against_papers(table);
  const std::string held = list_of(claims_of(table, kMarkdown));
  // A list of its own where it does not go on with the notes'.
  const bool apart = !held.empty() && (lines.empty() || !compared.empty());
  return text + (lines.empty() ? "" : "\n") + lines + compared + (apart ? "\n" : "") + held;
}

std::string markdown_table(const std::vector<std::vector<std::string>>& lines) {
  std::vector<TextRow> rows = lines;
  for (TextRow& row : rows)
    for (std::string& text : row) text = plain(text);
  return aligned(rows);
}

std::string to_markdown(const SuiteTables& tables) {
  std::string text = fmt::format("# {}\n", plain(tables.title.empty() ? tables.suite : tables.title));
  for (const Table& table : tables.tables)
    text += fmt::format("\n## {}\n\n{}", plain(table.title.empty() ? table.id : table.title),
                        to_markdown(table, tables.notes));
  return text;
}

}  // namespace resolute::results
