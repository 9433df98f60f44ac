#include "cli/page/utilisation_plot.h"

#include <fmt/format.h>

#include "cli/page/box_plot.h"
#include "cli/page/html.h"

namespace resolute::cli {
namespace {

constexpr double kWidth = 640;  // of the curves
constexpr double kRight = kPlotLeft + kWidth;

// The variables that a page would define.
constexpr std::string_view kUtilisationStyle = R"(
:root { --text: #1b1b1b; --quiet: #5f5f5f; --line: #d9d9d9; }
@media (prefers-color-scheme: dark) { :root { --text: #e8e8e8; --quiet: #a5a5a5; --line: #444; background: #181818; } }
)";

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
      escaped(description), width, height, width, height, kUtilisationStyle, box_plot_style(), escaped(description));
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
