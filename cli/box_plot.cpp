#include "cli/box_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/html.h"

namespace resolute::cli {
namespace {

constexpr double kCap = 0.25;  // half a whisker's end, of a box's width

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

double quantile(const std::vector<double>& sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], place - static_cast<double>(below));
}

}  // namespace

Box box_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {quantile(values, 0.05), quantile(values, 0.25), quantile(values, 0.5),
          quantile(values, 0.75), quantile(values, 0.95), values.size()};
}

Box box_of(const results::Spread& spread, std::int64_t count, std::string_view of) {
  const auto& [p5, p25, p50, p75, p95] = spread.percentiles;
  return {p5, p25, p50, p75, p95, static_cast<std::size_t>(count), of};
}

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

std::string plot_begin(std::string_view description, double right, double below) {
  const double width = right + kPlotRight, height = kPlotTop + kPlotHeight + below;
  return fmt::format(
      "<svg class=\"plot\" role=\"img\" aria-label=\"{}\" width=\"{:.0f}\" height=\"{:.0f}\" "
      "viewBox=\"0 0 {:.0f} {:.0f}\">\n",
      escaped(description), width, height, width, height);
}

std::string text_svg(double x, double y, std::string_view anchor, std::string_view text, std::string_view style) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"{}>{}</text>\n", x, y, anchor,
                     style.empty() ? "" : fmt::format(" class=\"{}\"", style), text);
}

std::string line_svg(double x1, double y1, double x2, double y2, std::string_view style) {
  return fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" class=\"{}\"/>\n", x1, y1, x2, y2,
                     style);
}

std::string box_svg(const Box& box, double x, const Axis& axis, std::string_view style, std::string_view name,
                    double width) {
  std::string svg = fmt::format(
      "<g><title>{}: median {:.3g}, half of them {:.3g} to {:.3g}, nine of ten {:.3g} to {:.3g}; {} {}</title>\n",
      escaped(name), box.p50, box.p25, box.p75, box.p5, box.p95, box.count, box.of);
  const double ends[2][2] = {{box.p5, box.p25}, {box.p75, box.p95}};
  for (const auto& [from, to] : ends) svg += line_svg(x, axis.y(from), x, axis.y(to), style);
  for (double end : {box.p5, box.p95})
    svg += line_svg(x - kCap * width, axis.y(end), x + kCap * width, axis.y(end), style);
  svg += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" class=\"{}\"/>\n",
                     x - width / 2, axis.y(box.p75), width, axis.y(box.p25) - axis.y(box.p75), style);
  svg += line_svg(x - width / 2, axis.y(box.p50), x + width / 2, axis.y(box.p50), fmt::format("{} median", style));
  return svg + "</g>\n";
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
