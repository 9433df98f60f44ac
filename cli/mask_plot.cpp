#include "cli/mask_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>

#include "cli/box_plot.h"
#include "cli/html.h"

namespace resolute::cli {
namespace {

constexpr double kBox = 10;         // a box's width: a network has many blocks
constexpr double kApart = 12.5;     // from the middle of a box to that of the next
constexpr double kMaskGap = 14;     // between blocks
constexpr double kMaskColumn = 56;  // a block's least width: its name
constexpr double kLegend = 64;      // from one legend to the next
constexpr double kName = 48;        // the axis' name, at the legends' right

//! Colours by how far a level is below the highest, whose colour is that of HR images elsewhere.
constexpr std::array<std::string_view, 4> kStyles = {"hr", "third", "fourth", "lr"};

int highest_of(const std::vector<results::MaskSpread>& lines) {
  return std::max_element(lines.begin(), lines.end(), [](const auto& a, const auto& b) { return a.level < b.level; })
      ->level;
}

//! The lowest of several levels has the last colour.
std::string_view style_of(int level, int highest) {
  if (level == 1 && highest > 1) return kStyles.back();
  return kStyles[std::min(static_cast<std::size_t>(highest - level), kStyles.size() - 1)];
}

bool is_drawn(int level, int highest) { return highest - level < static_cast<int>(kStyles.size()); }

}  // namespace

std::string mask_plot_svg(const std::vector<results::MaskSpread>& lines, std::string_view description) {
  const int highest = highest_of(lines), drawn = std::min(highest, static_cast<int>(kStyles.size()));
  const auto blocks = std::count_if(lines.begin(), lines.end(), [](const auto& line) { return line.level == 1; });
  const double boxes = kApart * drawn, column = std::max(boxes + kMaskGap, kMaskColumn);
  const double right = kPlotLeft + std::max(column * static_cast<double>(blocks), kLegend * drawn + kName);
  const double bottom = kPlotTop + kPlotHeight;
  const Axis axis(0, 1);
  std::string svg = plot_begin(description, right);
  for (int level = highest - drawn + 1; level <= highest; ++level)
    svg += legend_svg(kPlotLeft + kLegend * (drawn - 1 - highest + level), style_of(level, highest),
                      fmt::format("level {}", level));
  svg += axis_name_svg(right, "factor") + axis_svg(axis, right);
  double x = kPlotLeft;
  for (const results::MaskSpread& line : lines) {
    if (is_drawn(line.level, highest)) {
      const int place = line.level - (highest - drawn) - 1;
      svg += box_svg(box_of(line.values, line.channels, "channels"), x + (column - boxes) / 2 + kApart * (place + 0.5),
                     axis, style_of(line.level, highest), fmt::format("{}, level {}", line.block, line.level), kBox);
    }
    if (line.level != highest) continue;
    svg += text_svg(x + column / 2, bottom + 16, "middle", escaped(line.block));
    x += column;
  }
  svg += text_svg((kPlotLeft + x) / 2, bottom + 34, "middle", "block, from the image to the feature", "quiet");
  return svg + "</svg>\n";
}

std::string mask_table_html(const std::vector<results::MaskSpread>& lines) {
  const int highest = highest_of(lines);
  if (highest == 1) return {};
  std::string html = "<table>\n<tr><th>block</th><th>channels</th>";
  for (int level = 1; level < highest; ++level) html += fmt::format("<th>level {} to {}</th>", level, highest);
  html += "</tr>\n";
  for (const results::MaskSpread& line : lines) {
    if (line.level == 1) html += fmt::format("<tr><td>{}</td><td>{}</td>", escaped(line.block), line.channels);
    html += line.level < highest ? fmt::format("<td>{:.3f}</td>", line.difference) : "</tr>\n";
  }
  return html + "</table>\n";
}

}  // namespace resolute::cli
