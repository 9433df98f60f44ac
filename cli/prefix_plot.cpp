#include "cli/prefix_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "cli/box_plot.h"

namespace resolute::cli {
namespace {

constexpr double kPrefixColumn = 48;  // of a prefix
constexpr double kPrefixGap = 16;     // between groups of queries
constexpr double kLine = 18;          // of text
constexpr std::size_t kLeastColumns = 6;

//! From 0 to a round number that no whisker is above.
Axis axis_of(const std::vector<results::PrefixDistances>& lines) {
  double largest = 0;
  for (const results::PrefixDistances& line : lines)
    for (const results::DistanceSpread* kind : {&line.match, &line.other})
      if (kind->pairs > 0) largest = std::max(largest, kind->squared.percentiles.back());
  return {0, round_above(largest)};
}

bool ends_group(const std::vector<results::PrefixDistances>& lines, std::size_t i) {
  return i + 1 == lines.size() || lines[i + 1].rate != lines[i].rate || lines[i + 1].level != lines[i].level;
}

std::string percent(const results::PrefixDistances& line, double fraction) {
  return line.queries > 0 ? fmt::format("{:.1f}", 100 * fraction) : "–";
}

std::string median(const results::DistanceSpread& kind) {
  return kind.pairs > 0 ? fmt::format("{:.4g}", box_of(kind.squared, kind.pairs, "pairs").p50) : "–";
}

}  // namespace

std::string prefix_in_words(int prefix) { return prefix == 1 ? "1" : fmt::format("1–{}", prefix); }

std::string prefix_plot_svg(const std::vector<results::PrefixDistances>& lines, std::string_view description) {
  const Axis axis = axis_of(lines);
  std::size_t groups = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) groups += ends_group(lines, i) ? 1 : 0;
  const double right = kPlotLeft + kPrefixColumn * static_cast<double>(std::max(lines.size(), kLeastColumns)) +
                       kPrefixGap * static_cast<double>(groups - 1);
  const double bottom = kPlotTop + kPlotHeight, apart = kPlotBox * 0.65;
  std::string svg = plot_begin(description, right, kPlotBelow + kLine) + legend_svg(kPlotLeft, "hr", "same identity") +
                    legend_svg(kPlotLeft + 112, "lr", "others") + axis_name_svg(right, "squared distance") +
                    axis_svg(axis, right);
  double x = kPlotLeft, begin = x;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const results::PrefixDistances& line = lines[i];
    const double middle = x + kPrefixColumn / 2;
    const std::string of =
        fmt::format("rate {}, level {}, sub-vectors {}", line.rate, line.level, prefix_in_words(line.prefix));
    if (line.match.pairs > 0)
      svg += box_svg(box_of(line.match.squared, line.match.pairs, "pairs"), middle - apart, axis, "hr",
                     "same identity, " + of);
    if (line.other.pairs > 0)
      svg +=
          box_svg(box_of(line.other.squared, line.other.pairs, "pairs"), middle + apart, axis, "lr", "others, " + of);
    svg += text_svg(middle, bottom + 16, "middle", prefix_in_words(line.prefix));
    x += kPrefixColumn;
    if (!ends_group(lines, i)) continue;
    // A single column is too narrow for all of it.
    const bool wide = line.level > 1;
    svg += text_svg((begin + x) / 2, bottom + 34, "middle",
                    wide ? fmt::format("rate {}, level {}", line.rate, line.level) : fmt::format("rate {}", line.rate),
                    "quiet");
    if (i + 1 == lines.size()) break;
    x += kPrefixGap;
    begin = x;
    svg += line_svg(x - kPrefixGap / 2, kPlotTop, x - kPrefixGap / 2, bottom, "axis");
  }
  svg += text_svg((kPlotLeft + right) / 2, bottom + 34 + kLine, "middle", "sub-vectors compared", "quiet");
  return svg + "</svg>\n";
}

std::string prefix_table_html(const std::vector<results::PrefixDistances>& lines) {
  std::string html =
      "<table>\n<tr><th>rate</th><th>level</th><th>queries</th><th>sub-vectors</th><th>dimensions</th>"
      "<th>same identity, median</th><th>others</th><th>rank-1, %</th><th>mAP, %</th></tr>\n";
  for (const results::PrefixDistances& line : lines)
    html += fmt::format(
        "<tr{}><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>"
        "\n",
        line.prefix == line.level ? " class=\"used\"" : "", line.rate, line.level, line.queries,
        prefix_in_words(line.prefix), line.dimensions, median(line.match), median(line.other),
        percent(line, line.rank1), percent(line, line.map));
  return html + "</table>\n";
}

}  // namespace resolute::cli
