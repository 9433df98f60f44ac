#include "cli/weight_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/box_plot.h"

namespace resolute::cli {
namespace {

constexpr double kWeightGap = 12;  // between the high side and the low

//! The images of one side at one rate.
struct WeightColumn {
  std::string rate;  //!< as it is written below
  std::optional<Box> hr, lr;
};

//! The high side first, if there are images of it, then the low side's rates in ascending order.
std::vector<WeightColumn> columns_of(const std::vector<results::BranchWeights>& weights) {
  struct Values {
    std::vector<double> hr, lr;
  };
  std::map<std::pair<bool, int>, Values> found;  // low, rate
  for (const results::BranchWeights& one : weights) {
    Values& values = found[{one.low, one.rate}];
    values.hr.push_back(static_cast<double>(one.hr));
    if (one.lr) values.lr.push_back(static_cast<double>(*one.lr));
  }
  std::vector<WeightColumn> columns;
  for (const auto& [place, values] : found) {
    WeightColumn column{place.first ? fmt::format("{}", place.second) : "HR image", box_of(values.hr), std::nullopt};
    if (!values.lr.empty()) column.lr = box_of(values.lr);
    columns.push_back(std::move(column));
  }
  return columns;
}

//! From 0 up to 1, or to a round number above the largest that is drawn.
Axis axis_of(const std::vector<WeightColumn>& columns) {
  double largest = 0;
  for (const WeightColumn& column : columns)
    for (const std::optional<Box>& box : {column.hr, column.lr})
      if (box) largest = std::max(largest, box->p95);
  // A sigmoid and its floor end a little above 1.
  return {0, largest > 1.01 ? std::pow(10.0, std::ceil(std::log10(largest))) : 1};
}

bool is_high(const WeightColumn& column) { return !column.lr.has_value(); }

}  // namespace

WeightMetrics weight_metrics(const std::map<std::string, double>& metrics) {
  const auto correlation = [&](const std::string& name) -> std::optional<results::RankCorrelation> {
    const auto rho = metrics.find(name), low = metrics.find(name + "_low"), high = metrics.find(name + "_high");
    if (rho == metrics.end() || low == metrics.end() || high == metrics.end()) return std::nullopt;
    return results::RankCorrelation{rho->second, low->second, high->second};
  };
  WeightMetrics found{correlation("weight_hr_rho"), correlation("weight_lr_rho"), std::nullopt};
  if (const auto share = metrics.find("hr_share"); share != metrics.end()) found.hr_share = share->second;
  return found;
}

std::string weight_metrics_text(const WeightMetrics& metrics) {
  std::string text;
  const auto add = [&](std::string_view name, const std::optional<results::RankCorrelation>& found) {
    if (!found) return;
    text += fmt::format("{}{} {:+.2f} [{:+.2f}, {:+.2f}]", text.empty() ? "rank correlation with the rate: " : ", ",
                        name, found->rho, found->low, found->high);
  };
  add("w_HR", metrics.hr);
  add("w_LR", metrics.lr);
  if (metrics.hr_share)
    text += fmt::format("{}the HR branch's share of the distance: {:.1f} %", text.empty() ? "" : "; ",
                        *metrics.hr_share * 100);
  return text;
}

std::string weight_plot_svg(const std::vector<results::BranchWeights>& weights, std::string_view description) {
  const std::vector<WeightColumn> columns = columns_of(weights);
  const Axis axis = axis_of(columns);
  const double gap = is_high(columns.front()) && columns.size() > 1 ? kWeightGap : 0;
  const double right = kPlotLeft + kPlotColumn * static_cast<double>(std::max<std::size_t>(columns.size(), 3)) + gap;
  const double bottom = kPlotTop + kPlotHeight;
  std::string svg = plot_begin(description, right) + legend_svg(kPlotLeft, "hr", "w_HR") +
                    legend_svg(kPlotLeft + 64, "lr", "w_LR") + axis_svg(axis, right);
  double x = kPlotLeft, low_begin = kPlotLeft;
  for (const WeightColumn& column : columns) {
    const double middle = x + kPlotColumn / 2;
    const double apart = column.lr ? kPlotBox * 0.7 : 0;
    const std::string place = is_high(column) ? "high side" : fmt::format("rate {}", column.rate);
    if (column.hr) svg += box_svg(*column.hr, middle - apart, axis, "hr", fmt::format("w_HR, {}", place));
    if (column.lr) svg += box_svg(*column.lr, middle + apart, axis, "lr", fmt::format("w_LR, {}", place));
    svg += text_svg(middle, bottom + 16, "middle", column.rate);
    x += kPlotColumn;
    if (!is_high(column)) continue;
    svg += text_svg(middle, bottom + 34, "middle", "high side", "quiet");
    x += gap;
    low_begin = x;
    if (gap > 0) svg += line_svg(x - gap / 2, kPlotTop, x - gap / 2, bottom, "axis");
  }
  if (!is_high(columns.back())) svg += text_svg((low_begin + x) / 2, bottom + 34, "middle", "rate, low side", "quiet");
  return svg + "</svg>\n";
}

}  // namespace resolute::cli
