#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <iterator>
#include <optional>
#include <set>
#include <utility>

#include "core/latex_text.h"
#include "experiments/specification/metrics.h"
#include "results/tables/paper_number.h"
#include "results/tables/table_notes.h"
#include "results/tables/tables.h"
#include "settings/names.h"

namespace resolute::results {
namespace {

std::string latex(const std::string& text) { return core::latex_text(text); }

std::string label_of(const Row& row) { return row.latex.empty() ? latex(row.label) : row.latex; }

std::string red(const std::string& text) { return fmt::format("\\textcolor{{red}}{{{}}}", text); }

// Tables that LaTeX keeps until it finds a page for them.
constexpr std::size_t kMostFloats = 50;

// Sentences are made of words as they stand and escaped as wholes.
constexpr Markup kPlainWords{[](const std::string& text) { return text; },
                             [](std::string_view word) { return std::string(word); },
                             "Columns \"paper\": the paper's numbers."};

// Text on several lines where it is longer than `longest`: one long label is wider than a page beside its numbers.
// \param alignment of the lines, as in tabular's argument
std::string stacked(const std::string& text, std::size_t longest, std::size_t longest_line, const char* alignment) {
  if (text.size() <= longest) return latex(text);
  std::vector<std::string> lines;
  for (std::size_t at = text.find_first_not_of(' '); at < text.size();) {
    std::size_t end = text.find(' ', at);
    while (end < text.size() && (text[end - 1] == '=' || text[end + 1] == '=')) end = text.find(' ', end + 1);
    const std::string word = text.substr(at, end - at);
    if (lines.empty() || lines.back().size() + 1 + word.size() > longest_line)
      lines.push_back(word);
    else
      lines.back() += " " + word;
    at = text.find_first_not_of(' ', end);
  }
  std::transform(lines.begin(), lines.end(), lines.begin(), latex);
  return fmt::format("\\begin{{tabular}}{}{}\\end{{tabular}}", alignment, fmt::join(lines, " \\\\ "));
}

std::string head_of(const std::string& heading) { return stacked(heading, 14, 12, "[b]{@{}c@{}}"); }

// The first cell of a row.
std::string begin_of(const std::string& label) { return stacked(label, 60, 48, "[t]{@{}l@{}}"); }
std::string begin_of(const Row& row) { return row.latex.empty() ? begin_of(row.label) : row.latex; }

// threeparttable's mark of footnotes; empty without any.
std::string mark_of(const std::vector<std::size_t>& numbers) {
  return numbers.empty() ? "" : fmt::format("\\tnote{{{}}}", fmt::join(numbers, ","));
}

// "2.1(1.1)" has two digits before the point and one behind, of the deviation one.
struct Digits {
  std::size_t whole = 0, decimals = 0, whole_of_std = 0;
  bool negative = false;
  void add(double value, int places) { add(fmt::format("{:.{}f}", value, places)); }
  void add(const std::string& text) {
    const std::size_t point = std::min(text.find('.'), text.size());
    negative = negative || text.front() == '-';
    whole = std::max(whole, point - (text.front() == '-' ? 1 : 0));
    decimals = std::max(decimals, text.size() - std::min(point + 1, text.size()));
  }
  void add_std(double value, int places) {
    const std::string text = fmt::format("{:.{}f}", value, places);
    whole_of_std = std::max(whole_of_std, std::min(text.find('.'), text.size()));
  }
  std::string format() const {
    if (whole == 0) return "";
    std::string text = fmt::format("{}{}.{}", negative ? "-" : "", whole, decimals);
    if (whole_of_std > 0) text += fmt::format("({}.{})", whole_of_std, decimals);
    return text;
  }
};

struct Column {
  std::string dataset;
  std::string heading;
  std::vector<std::string> cells{};  // one per line of the table: published rows, ours, chance
  Digits digits{};
  std::string widest_mark{};

  void add(const std::string& text, const std::string& mark = {}) {
    cells.push_back(mark.empty() ? text : text + " " + mark);
    if (mark.size() > widest_mark.size()) widest_mark = mark;
  }
  // siunitx's options of a column of numbers; empty without numbers.
  std::string numbers() const {
    const std::string format = digits.format();
    return format.empty() || widest_mark.empty() ? format : format + ", table-space-text-post = " + widest_mark;
  }
};

std::string cell_text(const Cell& cell, Digits& digits) {
  if (cell.status == CellStatus::kNotApplicable) return "{--}";
  if (cell.status == CellStatus::kIncomplete)
    return fmt::format("{{\\dots{{}} {}/{}}}", cell.trials, cell.trials_needed);
  if (cell.status != CellStatus::kComplete) return fmt::format("{{{}}}", settings::word(cell.status));
  const int decimals = decimals_of(cell.metric);
  std::string text = fmt::format("{}{:.{}f}", cell.best ? "\\bfseries " : "", *cell.mean, decimals);
  digits.add(*cell.mean, decimals);
  if (cell.std) {
    text += fmt::format(" +- {:.{}f}", *cell.std, decimals);
    digits.add_std(*cell.std, decimals);
  }
  return text;
}

// A column of ours and, where the paper has a number or is asked for one, one of its.
std::vector<Column> columns_of(const Table& table) {
  std::vector<Column> columns;
  const Footnotes footnotes(table, Footnotes::Of::kCells);
  const auto chance = chance_of(table);
  for (const std::string& dataset : table.datasets)
    for (const std::string& metric : table.metrics) {
      Column ours{dataset, head_of(heading_of(metric))}, paper{dataset, "paper"};
      bool any_paper = false;
      const auto add_paper = [&](const std::optional<double>& number, bool no_reference,
                                 const std::vector<std::string>& notes) {
        const std::string mark = mark_of(footnotes.numbers_of(notes));
        any_paper = any_paper || number || no_reference;
        if (!number) return paper.add(no_reference ? fmt::format("{{{}{}}}", kNoReference, mark) : "");
        const std::string text = as_printed(*number, dataset);
        paper.digits.add(text);
        paper.add(text, mark);
      };
      for (const experiments::PublishedRow& row : table.published) {
        ours.add("");
        add_paper(published_number(row, dataset, metric), published_lacks(row, dataset, metric),
                  published_footnotes(row, dataset, metric));
      }
      for (const Row& row : table.rows) {
        const Cell& cell = row.at(dataset, metric);
        ours.add(cell_text(cell, ours.digits), mark_of(footnotes.numbers_of(cell.own_footnotes)));
        add_paper(cell.reference, cell.no_reference, cell.footnotes);
      }
      if (!chance.empty()) {
        const auto score = chance.find({dataset, metric});
        ours.add(score == chance.end() ? "" : fmt::format("{:.1f}", score->second));
        if (score != chance.end()) ours.digits.add(score->second, 1);
        paper.add("");
      }
      columns.push_back(std::move(ours));
      if (any_paper) columns.push_back(std::move(paper));
    }
  return columns;
}

// A column's head, red where its images are a stand-in's. Below a head of its training's data set it names the other.
std::string dataset_head(const Table& table, const std::string& dataset) {
  const std::string title =
      column_title(table, dataset, experiments::any_across(table.datasets) ? ColumnHead::kAskedOn : ColumnHead::kBoth);
  return is_stand_in(table, dataset) ? red(latex(title)) : latex(title);
}

// The columns of each data set that rows train on, in the table's order.
std::vector<std::pair<std::string, std::vector<std::string>>> trained_groups(const std::vector<std::string>& columns) {
  std::vector<std::pair<std::string, std::vector<std::string>>> groups;
  for (const std::string& column : columns) {
    const std::string trained_on = experiments::sets_of(column).trained_on;
    if (groups.empty() || groups.back().first != trained_on)
      groups.emplace_back(trained_on, std::vector<std::string>());
    groups.back().second.push_back(column);
  }
  return groups;
}

// A head above so many columns.
using Head = std::pair<std::string, std::ptrdiff_t>;

std::string heads_above(const std::vector<Head>& heads) {
  std::string names, rules;
  std::ptrdiff_t at = 2;
  for (const auto& [text, columns] : heads) {
    names += fmt::format(" & \\multicolumn{{{}}}{{c}}{{{}}}", columns, text);
    if (!text.empty()) rules += fmt::format("\\cmidrule(lr){{{}-{}}}", at, at + columns - 1);
    at += columns;
  }
  return fmt::format("    {} \\\\\n    {}\n", names, rules);
}

// Data sets above their columns; a single one where it must not be missed. Where rows are asked on other sets than they
// train on, those stand above. \param width a data set's columns
std::string datasets_above(const Table& table, const std::function<std::ptrdiff_t(const std::string&)>& width) {
  if (table.datasets.size() < 2 && table.stand_ins.empty()) return "";
  std::vector<Head> trained_on, asked_on;
  for (const auto& [trained, columns] : trained_groups(table.datasets)) {
    trained_on.emplace_back(latex(trained_head(columns.front())), 0);
    for (const std::string& column : columns) {
      asked_on.emplace_back(dataset_head(table, column), width(column));
      trained_on.back().second += width(column);
    }
  }
  return (experiments::any_across(table.datasets) ? heads_above(trained_on) : "") + heads_above(asked_on);
}

std::string environment(const std::string& label, const std::string& caption, const std::string& tabular,
                        const std::vector<std::string>& footnotes, const std::vector<std::string>& notes,
                        const std::string& stand_ins = {}) {
  std::string text = fmt::format(
      "\\begin{{table}}\n  \\centering\n  \\begin{{threeparttable}}\n  \\caption{{{}}}\n  \\label{{tab:{}}}\n{}",
      caption, label, tabular);
  if (!notes.empty() || !footnotes.empty()) {
    text += "  \\begin{tablenotes}\\footnotesize\n";
    if (!stand_ins.empty()) text += "    \\item " + red(latex(stand_ins)) + "\n";
    for (std::size_t i = 0; i < footnotes.size(); ++i)
      text += fmt::format("    \\item[{}] {}\n", i + 1, latex(footnotes[i]));
    for (const std::string& note : notes) text += "    \\item " + latex(note) + "\n";
    text += "  \\end{tablenotes}\n";
  }
  return text + "  \\end{threeparttable}\n\\end{table}\n";
}

std::string results_tabular(const Table& table) {
  const std::vector<Column> columns = columns_of(table);
  std::string text =
      "  \\sisetup{separate-uncertainty, table-align-uncertainty, retain-zero-uncertainty, mode = match, "
      "propagate-math-font = true, "
      "reset-text-family = false,\n    reset-text-series = false, reset-text-shape = false}\n  \\begin{tabular}{l";
  for (const Column& column : columns) {
    const std::string numbers = column.numbers();
    text += numbers.empty() ? " c" : fmt::format(" S[table-format = {}]", numbers);
  }
  text +=
      "}\n    \\toprule\n" +
      datasets_above(
          table, [&](const std::string& dataset) { return std::ranges::count(columns, dataset, &Column::dataset); }) +
      "    method";
  for (const Column& column : columns) text += fmt::format(" & {{{}}}", column.heading);
  text += " \\\\\n    \\midrule\n";
  const std::size_t published = table.published.size();
  const std::size_t all = published + table.rows.size();
  const std::size_t lines = columns.empty() ? all : columns.front().cells.size();
  for (std::size_t r = 0; r < lines; ++r) {
    if (r == all || (r > 0 && r == published)) text += "    \\midrule\n";
    text += "    " + (r < published ? begin_of(table.published[r].label)
                      : r < all     ? begin_of(table.rows[r - published])
                                    : "\\emph{chance}");
    for (const Column& column : columns) text += " & " + column.cells[r];
    text += " \\\\\n";
  }
  return text + "    \\bottomrule\n  \\end{tabular}\n";
}

std::string caption_of(const Table& table) { return latex(table.title.empty() ? table.id : table.title); }

std::string differences(const Table& table) {
  const Row* compared = compared_row(table);
  const auto width = std::ranges::count_if(table.metrics, is_per_query);
  if (compared == nullptr || width == 0) return "";
  std::string text = fmt::format("  \\begin{{tabular}}{{l{}}}\n    \\toprule\n{}    method",
                                 std::string(table.datasets.size() * static_cast<std::size_t>(width), 'r'),
                                 datasets_above(table, [&](const std::string&) { return width; }));
  for (std::size_t i = 0; i < table.datasets.size(); ++i)
    for (const std::string& metric : table.metrics)
      if (is_per_query(metric)) text += " & " + latex(heading_of(metric));
  text += " \\\\\n    \\midrule\n";
  const Footnotes footnotes(table, Footnotes::Of::kDifferences);
  for (const Row& row : table.rows) {
    if (&row == compared) continue;
    text += "    " + begin_of(row);
    for (const Cell& cell : row.cells) {
      if (!is_per_query(cell.metric)) continue;
      const auto& d = cell.difference;
      text += d ? fmt::format(" & \\({:+.1f}\\) [\\({:+.1f}\\), \\({:+.1f}\\)]{}", d->mean, d->low, d->high,
                              latex(behind_interval(cell, *compared)))
                : " & \\dots";
      if (d) text += mark_of(footnotes.numbers_of(d->footnotes));
    }
    text += " \\\\\n";
  }
  std::vector<std::string> notes = missing_differences(table, kPlainWords);
  for (std::string& line : other_settings(table, kPlainWords)) notes.push_back(std::move(line));
  notes.insert(notes.begin(), "Mean and 95 % interval for new people and new trainings (paired bootstrap).");
  if (std::string note = comparisons_note(table.comparisons); !note.empty())
    notes.insert(notes.begin() + 1, note + ".");
  return "\n" + environment(table.id + "-differences",
                            fmt::format("{}: difference from {}", caption_of(table), label_of(*compared)),
                            text + "    \\bottomrule\n  \\end{tabular}\n", footnotes.texts(), notes);
}

// A table with these data sets and metrics alone.
Table part_of(const Table& table, const std::vector<std::string>& datasets, const std::vector<std::string>& metrics) {
  Table part = table;
  part.datasets = datasets;
  part.metrics = metrics;
  const auto is_other = [&](const std::string& dataset) { return !settings::is_among(datasets, dataset); };
  std::erase_if(part.stand_ins, is_other);
  std::erase_if(part.drawn, is_other);
  if (is_other(experiments::kMeanColumn)) part.mean_of.clear();
  const auto is_elsewhere = [&](const auto& one) {
    return is_other(one.dataset) || !settings::is_among(metrics, one.metric);
  };
  for (Row& row : part.rows) std::erase_if(row.cells, is_elsewhere);
  std::erase_if(part.claims, is_elsewhere);
  // A line of blanks and "no reference" would tell nothing.
  std::erase_if(part.published, [&](const experiments::PublishedRow& row) {
    return std::ranges::none_of(datasets, [&](const std::string& dataset) {
      const auto numbers = row.numbers.find(dataset);
      return numbers != row.numbers.end() &&
             std::ranges::any_of(metrics, [&](const std::string& metric) { return numbers->second.contains(metric); });
    });
  });
  return part;
}

// A table that is too wide for a page as one of each data set that rows train on, such a one as one of each column of
// its, and this one as some of a few metrics each.
std::vector<Table> as_wide_as_a_page(const Table& table, bool (*fits)(const Table&)) {
  std::vector<Table> parts;
  const auto add = [&](Table part, const std::string& id, const std::string& title) {
    part.id += "-" + id;
    if (!part.title.empty()) part.title += ", " + title;
    std::ranges::move(as_wide_as_a_page(part, fits), std::back_inserter(parts));
  };
  if (fits(table) || table.datasets.size() + table.metrics.size() == 2) {
    parts.push_back(table);
  } else if (const auto groups = trained_groups(table.datasets);
             groups.size() > 1 && experiments::any_across(table.datasets)) {
    for (const auto& [trained_on, columns] : groups) {
      const std::string head = trained_head(columns.front());
      add(part_of(table, columns, table.metrics), trained_on, head.empty() ? trained_on : head);
    }
  } else if (table.datasets.size() > 1) {
    for (const std::string& dataset : table.datasets)
      add(part_of(table, {dataset}, table.metrics), experiments::sets_of(dataset).asked_on,
          experiments::column_name(dataset));
  } else {
    for (auto first = table.metrics.begin(), last = first; first != table.metrics.end(); first = last) {
      Table part;
      do part = part_of(table, table.datasets, {first, ++last});
      while (last != table.metrics.end() && fits(part_of(table, table.datasets, {first, last + 1})));
      add(part, *first,
          part.metrics.size() == 1 ? heading_of(*first)
                                   : fmt::format("{} to {}", heading_of(*first), heading_of(*(last - 1))));
    }
  }
  return parts;
}

bool results_fit(const Table& table) { return columns_of(table).size() <= 9; }

// An interval is wider than a number and its deviation, and wider yet with the words that its trials are too few.
bool differences_fit(const Table& table) {
  const Row* compared = compared_row(table);
  if (compared == nullptr) return true;
  const bool words = std::ranges::any_of(table.rows, [&](const Row& row) {
    return std::ranges::any_of(row.cells, [&](const Cell& cell) {
      return behind_interval(cell, *compared).find("trial") != std::string::npos;
    });
  });
  return std::ssize(table.datasets) * std::ranges::count_if(table.metrics, is_per_query) <= (words ? 3 : 6);
}

std::string to_latex(const Table& table, const std::vector<std::string>& suite_notes) {
  std::string first =
      table.datasets.size() == 1 ? fmt::format("Data set: {}. ", column_title(table, table.datasets.front())) : "";
  first += legend_of(table, kPlainWords);
  std::vector<std::string> notes{first};
  for (std::string& note : notes_of(table, suite_notes, kPlainWords)) notes.push_back(std::move(note));
  for (std::string& sentence : paper_sentences(table)) notes.push_back(std::move(sentence));
  for (std::string& claim : claims_of(table, kPlainWords)) notes.push_back(std::move(claim));
  // The other table's notes do not stand beside claims.
  if (std::string note = comparisons_note(table.comparisons);
      !table.claims.empty() && !table.compare_with.empty() && !note.empty())
    notes.push_back(std::move(note));
  std::string text =
      environment(table.id, caption_of(table), results_tabular(table), Footnotes(table, Footnotes::Of::kCells).texts(),
                  notes, stand_in_note(table, kPlainWords));
  for (const Table& part : as_wide_as_a_page(table, differences_fit)) text += differences(part);
  return text;
}

// A table's differences and parts may be called as another table, which keeps its label. \param taken every table's id
// and all labels so far
std::string with_free_labels(std::string text, const std::string& id, std::set<std::string>& taken) {
  constexpr std::string_view kLabel = "\\label{tab:";
  for (std::size_t at = text.find(kLabel); at != std::string::npos; at = text.find(kLabel, at + 1)) {
    const std::size_t begin = at + kLabel.size(), length = text.find('}', begin) - begin;
    const std::string label = text.substr(begin, length);
    std::string unique = label;
    for (int next = 2; label != id && !taken.insert(unique).second; ++next) unique = fmt::format("{}-{}", label, next);
    text.replace(begin, length, unique);
  }
  return text;
}

}  // namespace

std::string to_latex(const SuiteTables& tables) {
  const bool coloured = std::ranges::any_of(tables.tables, [](const Table& table) { return !table.stand_ins.empty(); });
  std::vector<std::string> parts;
  std::set<std::string> labels;
  for (const Table& table : tables.tables) labels.insert(table.id);
  for (const Table& table : tables.tables)
    for (const Table& part : as_wide_as_a_page(table, results_fit))
      parts.push_back(with_free_labels(to_latex(part, tables.notes), table.id, labels));
  std::string body;
  for (const std::string& part : parts) body += "\n" + part;
  std::string text = fmt::format(
      "% Preamble: {}\\usepackage{{booktabs,siunitx,threeparttable{}}}{}, siunitx of version 3 (Debian: threeparttable "
      "is in "
      "texlive-latex-extra, siunitx in texlive-science).",
      core::needs_t1(body) ? "\\usepackage[T1]{fontenc} " : "", coloured ? ",xcolor" : "",
      parts.size() > kMostFloats ? fmt::format(" \\extrafloats{{{}}}", parts.size()) : "");
  if (const std::vector<std::string> letters = letters_to_tell(body); !letters.empty())
    text += fmt::format(" No pdflatex, for {}: {}.", fmt::join(letters, ", "), kWayOfLetters);
  return text + "\n" + body;
}

std::vector<std::string> letters_to_tell(const std::string& latex) {
  std::vector<std::string> letters = core::letters_without_latex(latex);
  std::transform(letters.begin(), letters.end(), letters.begin(), core::named_letter);
  return letters;
}

}  // namespace resolute::results
