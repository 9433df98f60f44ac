#include "cli/page/box_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/page/html.h"

namespace resolute::cli {
namespace {

constexpr double kCap = 0.25;  // half a whisker's end, of a box's width
constexpr double kBottom = kPlotTop + kPlotHeight;
constexpr double kLine = 18;  // of text

constexpr std::string_view kBoxStyle = R"(
:root { --hr: #0067b0; --lr: #c04a00; --third: #00805c; --fourth: #8e4399; }
@media (prefers-color-scheme: dark) {
  :root { --hr: #5cb3f2; --lr: #f09a4f; --third: #4fc79c; --fourth: #d293de; }
}
.plots { display: flex; flex-wrap: wrap; gap: 0 1.5rem; }
.plots figure { max-width: 100%; }
.plots figcaption { max-width: 22rem; }
.plots table { border-collapse: collapse; font-size: 0.85rem; margin: 0.25rem 0; }
.plots th, .plots td { text-align: right; padding: 0.1rem 0.6rem; border-bottom: 1px solid var(--line); }
.plots th { color: var(--quiet); font-weight: normal; }
.plots .used { font-weight: bold; }
.plot { display: block; max-width: 100%; height: auto; font: 11px system-ui, sans-serif; fill: var(--text); }
.plot .axis { stroke: var(--line); fill: none; }
.plot .quiet { fill: var(--quiet); }
.plot .hr { stroke: var(--hr); fill: var(--hr); }
.plot .lr { stroke: var(--lr); fill: var(--lr); }
.plot .third { stroke: var(--third); fill: var(--third); }
.plot .fourth { stroke: var(--fourth); fill: var(--fourth); }
.plot .hr, .plot .lr, .plot .third, .plot .fourth { stroke-width: 1.5; }
.plot rect { fill-opacity: 0.25; }
.plot .median { stroke-width: 3; }
)";

std::string box_svg(const Box& box, double x, const Axis& axis, std::string_view style, double width) {
  const auto& [p5, p25, p50, p75, p95] = box.spread.percentiles;
  std::string svg = fmt::format(
      "<g><title>{}: median {:.3g}, half of them {:.3g} to {:.3g}, nine of ten {:.3g} to {:.3g}; {} {}</title>\n",
      escaped(box.title), p50, p25, p75, p5, p95, box.count, box.of);
  svg += line_svg(x, axis.y(p5), x, axis.y(p25), style) + line_svg(x, axis.y(p75), x, axis.y(p95), style);
  for (double end : {p5, p95}) svg += line_svg(x - kCap * width, axis.y(end), x + kCap * width, axis.y(end), style);
  svg += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" class=\"{}\"/>\n",
                     x - width / 2, axis.y(p75), width, axis.y(p25) - axis.y(p75), style);
  svg += line_svg(x - width / 2, axis.y(p50), x + width / 2, axis.y(p50), fmt::format("{} median", style));
  return svg + "</g>\n";
}

std::string column_svg(const BoxPlot& plot, const BoxPlot::Column& column, double middle) {
  std::string svg;
  const double first = middle - plot.apart * static_cast<double>(column.boxes.size() - 1) / 2;
  for (std::size_t i = 0; i < column.boxes.size(); ++i)
    if (column.boxes[i])
      svg += box_svg(*column.boxes[i], first + plot.apart * static_cast<double>(i), plot.axis, plot.series[i].style,
                     plot.box);
  return svg + text_svg(middle, kBottom + 16, "middle", column.name);
}

}  // namespace

double round_above(double value) {
  if (!(value > 0)) return 1;
  const double power = std::pow(10.0, std::floor(std::log10(value)));
  for (double factor : {1.0, 2.0, 5.0, 10.0})
    if (std::isfinite(factor * power) && factor * power >= value) return factor * power;
  return value;  // at an end of what a double holds
}

double Axis::y(double value) const {
  return kPlotTop + kPlotHeight * (1 - std::min((value - bottom_) / (top_ - bottom_), 1.02));
}

std::string box_plot_svg(const BoxPlot& plot, std::string_view description) {
  std::size_t columns = 0;
  for (const BoxPlot::Group& group : plot.groups) columns += group.columns.size();
  const double right = kPlotLeft + std::max(plot.column * static_cast<double>(columns), plot.least) +
                       plot.gap * static_cast<double>(plot.groups.size() - 1);
  const double width = right + kPlotRight, height = kBottom + kPlotBelow + (plot.below.empty() ? 0 : kLine);
  std::string svg = fmt::format(
      "<svg class=\"plot\" role=\"img\" aria-label=\"{}\" width=\"{:.0f}\" height=\"{:.0f}\" "
      "viewBox=\"0 0 {:.0f} {:.0f}\">\n",
      escaped(description), width, height, width, height);
  for (std::size_t i = 0; i < plot.series.size(); ++i)
    svg += legend_svg(kPlotLeft + plot.legend * static_cast<double>(i), plot.series[i].style, plot.series[i].name);
  if (!plot.axis_name.empty()) svg += axis_name_svg(right, plot.axis_name);
  svg += axis_svg(plot.axis, right);
  double x = kPlotLeft;
  for (const BoxPlot::Group& group : plot.groups) {
    if (&group != &plot.groups.front()) {
      x += plot.gap;
      svg += line_svg(x - plot.gap / 2, kPlotTop, x - plot.gap / 2, kBottom, "axis");
    }
    const double begin = x;
    for (const BoxPlot::Column& column : group.columns) {
      svg += column_svg(plot, column, x + plot.column / 2);
      x += plot.column;
    }
    svg += text_svg((begin + x) / 2, kBottom + 34, "middle", group.name, "quiet");
  }
  if (!plot.below.empty())
    svg += text_svg((kPlotLeft + right) / 2, kBottom + 34 + kLine, "middle", plot.below, "quiet");
  return svg + "</svg>\n";
}

std::string text_svg(double x, double y, std::string_view anchor, std::string_view text, std::string_view style) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"{}>{}</text>\n", x, y, anchor,
                     style.empty() ? "" : fmt::format(" class=\"{}\"", style), text);
}

std::string line_svg(double x1, double y1, double x2, double y2, std::string_view style) {
  return fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" class=\"{}\"/>\n", x1, y1, x2, y2,
                     style);
}

std::string legend_svg(double x, std::string_view style, std::string_view name) {
  return fmt::format("<rect x=\"{:.1f}\" y=\"6\" width=\"12\" height=\"10\" class=\"{}\"/>\n", x, style) +
         text_svg(x + 17, 15, "start", name);
}

std::string axis_name_svg(double right, std::string_view name) { return text_svg(right, 15, "end", name, "quiet"); }

std::string axis_svg(const Axis& axis, double right) {
  std::string svg;
  constexpr int kTicks = 5;
  for (int i = 0; i <= kTicks; ++i) {
    const double value = axis.value(static_cast<double>(i) / kTicks);
    svg += line_svg(kPlotLeft, axis.y(value), right, axis.y(value), "axis");
    svg += text_svg(kPlotLeft - 6, axis.y(value) + 4, "end", fmt::format("{:.4g}", value));
  }
  return svg;
}

std::string_view box_plot_style() { return kBoxStyle; }

}  // namespace resolute::cli
