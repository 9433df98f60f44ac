#include "cli/recovery_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "cli/box_plot.h"

namespace resolute::cli {
namespace {

constexpr double kStep = 5;  // decibels; the axis begins and ends at a multiple

// PSNR of the images at one rate.
struct RecoveryColumn {
  std::vector<double> recovered, enlarged;
};

// An enlarged HR image is the HR image: rate 1 says nothing here.
std::map<int, RecoveryColumn> columns_of(const std::vector<results::RecoveryQuality>& lines) {
  std::map<int, RecoveryColumn> columns;
  for (const results::RecoveryQuality& line : lines) {
    if (line.scale != 1 || line.rate == 1) continue;
    RecoveryColumn& column = columns[line.rate];
    column.recovered.push_back(static_cast<double>(line.recovered.psnr));
    column.enlarged.push_back(static_cast<double>(line.enlarged.psnr));
  }
  return columns;
}

// Round what the whiskers span; a reader lets any finite figure pass.
Axis axis_of(const std::map<int, std::pair<Box, Box>>& boxes) {
  double least = boxes.begin()->second.first.p5, most = least;
  for (const auto& [rate, pair] : boxes)
    for (const Box* box : {&pair.first, &pair.second}) {
      least = std::min(least, box->p5);
      most = std::max(most, box->p95);
    }
  const double bottom = std::floor(least / kStep) * kStep;
  return {bottom, std::max(std::ceil(most / kStep) * kStep, bottom + kStep)};
}

}  // namespace

std::string scale_in_words(int scale) { return scale == 1 ? "1" : fmt::format("1/{}", scale); }

std::string recovery_table_html(const std::vector<results::RecoveryQuality>& lines) {
  std::string html =
      "<table>\n<tr><th>rate</th><th>scale</th><th>images</th><th>PSNR recovered</th><th>enlarged</th><th>gain, dB</th>"
      "<th>SSIM recovered</th><th>enlarged</th></tr>\n";
  std::map<std::tuple<int, int>, std::string> rows;  // rates ascending, scales descending
  for (const auto& [place, mean] : results::mean_recovery(lines)) {
    const auto [rate, scale] = place;
    // Inputs that are what the scale aims at: nothing can gain on them.
    const std::string enlarged =
        mean.enlarged_ssim < 1 ? fmt::format("<td>{:.2f}</td><td>{:+.2f}</td>", mean.enlarged_psnr, mean.psnr_gain())
                               : "<td>equal</td><td>–</td>";
    rows[{rate, -scale}] = fmt::format(
        "<tr><td>{}</td><td>{}</td><td>{}</td><td>{:.2f}</td>{}<td>{:.3f}</td><td>{:.3f}</td></tr>\n", rate,
        scale_in_words(scale), mean.images, mean.recovered_psnr, enlarged, mean.recovered_ssim, mean.enlarged_ssim);
  }
  for (const auto& [place, row] : rows) html += row;
  return html + "</table>\n";
}

std::string recovery_plot_svg(const std::vector<results::RecoveryQuality>& lines, std::string_view description) {
  std::map<int, std::pair<Box, Box>> boxes;
  for (const auto& [rate, column] : columns_of(lines))
    boxes[rate] = {box_of(column.recovered), box_of(column.enlarged)};
  if (boxes.empty()) return {};
  const Axis axis = axis_of(boxes);
  const double right = kPlotLeft + kPlotColumn * static_cast<double>(std::max<std::size_t>(boxes.size(), 4));
  const double bottom = kPlotTop + kPlotHeight, apart = kPlotBox * 0.7;
  std::string svg = plot_begin(description, right) + legend_svg(kPlotLeft, "hr", "recovered, dB") +
                    legend_svg(kPlotLeft + 110, "lr", "enlarged, dB") + axis_svg(axis, right);
  double x = kPlotLeft;
  for (const auto& [rate, pair] : boxes) {
    const double middle = x + kPlotColumn / 2;
    svg += box_svg(pair.first, middle - apart, axis, "hr", fmt::format("recovered, rate {}", rate));
    svg += box_svg(pair.second, middle + apart, axis, "lr", fmt::format("enlarged, rate {}", rate));
    svg += text_svg(middle, bottom + 16, "middle", fmt::format("{}", rate));
    x += kPlotColumn;
  }
  svg += text_svg((kPlotLeft + x) / 2, bottom + 34, "middle", "rate", "quiet");
  return svg + "</svg>\n";
}

}  // namespace resolute::cli
