#include "cli/page/utilisation_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "cli/page/html.h"

namespace resolute::cli {
namespace {

// Where the plot lies, in units of the picture, which the page scales.
constexpr double kPlotLeft = 44, kPlotTop = 28, kPlotHeight = 200, kPlotBelow = 46, kPlotRight = 8;
constexpr double kWidth = 640;  // of the curves
constexpr double kRight = kPlotLeft + kWidth;

// The variables that a page would define.
constexpr std::string_view kUtilisationStyle = R"(
:root { --text: #1b1b1b; --quiet: #5f5f5f; --line: #d9d9d9; }
@media (prefers-color-scheme: dark) { :root { --text: #e8e8e8; --quiet: #a5a5a5; --line: #444; background: #181818; } }
)";

constexpr std::string_view kPlotStyle = R"(
:root { --hr: #0067b0; --lr: #c04a00; }
@media (prefers-color-scheme: dark) { :root { --hr: #5cb3f2; --lr: #f09a4f; } }
.plot { display: block; max-width: 100%; height: auto; font: 11px system-ui, sans-serif; fill: var(--text); }
.plot .axis { stroke: var(--line); fill: none; }
.plot .quiet { fill: var(--quiet); }
.plot .hr { stroke: var(--hr); fill: var(--hr); }
.plot .lr { stroke: var(--lr); fill: var(--lr); }
.plot .hr, .plot .lr { stroke-width: 1.5; }
.plot rect { fill-opacity: 0.25; }
)";

//! 1, 2 or 5 times a power of ten: the least of these that is not below `value`, as far as a double holds it; 1 for 0.
double round_above(double value) {
  if (!(value > 0)) return 1;
  const double power = std::pow(10.0, std::floor(std::log10(value)));
  for (double factor : {1.0, 2.0, 5.0, 10.0})
    if (std::isfinite(factor * power) && factor * power >= value) return factor * power;
  return value;  // at an end of what a double holds
}

//! From a value at the plot's bottom to one at its top; above it nothing leaves the picture.
class Axis {
 public:
  Axis(double bottom, double top) : bottom_(bottom), top_(top) {}
  double value(double share) const { return bottom_ + (top_ - bottom_) * share; }
  double y(double value) const {
    return kPlotTop + kPlotHeight * (1 - std::min((value - bottom_) / (top_ - bottom_), 1.02));
  }

 private:
  double bottom_, top_;
};

std::string text_svg(double x, double y, std::string_view anchor, std::string_view text, std::string_view style = {}) {
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

double x_of(double hour, double hours) {
  return kPlotLeft + (hour < hours ? kWidth * hour / hours : hour > 0 ? kWidth : 0);
}

// The steps of a curve from left to right.
template <class Value>
std::string steps(const orchestrator::SimulationReport& report, const Axis& axis, Value value) {
  std::string points;
  for (const auto& span : report.utilisation) {
    const double y = axis.y(100 * value(span));
    for (double hour : {span.begin_hours, span.begin_hours + report.span_hours})
      points += fmt::format("{}{:.1f},{:.1f}", points.empty() ? "" : " ", x_of(hour, report.makespan_hours), y);
  }
  return points;
}

std::string hours_svg(double hours) {
  std::string svg;
  const double step = round_above(hours / 8), bottom = kPlotTop + kPlotHeight;
  for (int i = 0; step * i <= hours; ++i) {
    const double x = x_of(step * i, hours);
    svg += line_svg(x, bottom, x, bottom + 4, "axis") +
           text_svg(x, bottom + 18, "middle", fmt::format("{:.4g}", step * i));
  }
  return svg + text_svg(kRight, bottom + 36, "end", "hours", "quiet");
}

}  // namespace

std::string utilisation_svg(const orchestrator::SimulationReport& report) {
  const Axis axis(0, 100);
  const double width = kRight + 4 * kPlotRight, height = kPlotTop + kPlotHeight + kPlotBelow;
  const double bottom = kPlotTop + kPlotHeight;
  const std::string description =
      fmt::format("{}: the machine's use over {:.4g} hours", report.workload, report.makespan_hours);
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"plot\" role=\"img\" aria-label=\"{}\" width=\"{:.0f}\" "
      "height=\"{:.0f}\" viewBox=\"0 0 {:.0f} {:.0f}\">\n<style>{}{}</style>\n<title>{}</title>\n",
      escaped(description), width, height, width, height, kUtilisationStyle, kPlotStyle, escaped(description));
  svg += legend_svg(kPlotLeft, "hr", "in use") + legend_svg(kPlotLeft + 80, "lr", "there") +
         axis_name_svg(kRight, "per cent of the machine") + axis_svg(axis, kRight) + hours_svg(report.makespan_hours);
  if (!report.utilisation.empty()) {
    svg +=
        fmt::format("<polygon class=\"hr\" style=\"fill-opacity: 0.25\" points=\"{:.1f},{:.1f} {} {:.1f},{:.1f}\"/>\n",
                    kPlotLeft, bottom, steps(report, axis, [](const auto& span) { return span.busy; }),
                    x_of(report.utilisation.back().begin_hours + report.span_hours, report.makespan_hours), bottom);
    svg += fmt::format("<polyline class=\"lr\" style=\"fill: none\" points=\"{}\"/>\n",
                       steps(report, axis, [](const auto& span) { return span.up; }));
  }
  return svg + "</svg>\n";
}

}  // namespace resolute::cli
