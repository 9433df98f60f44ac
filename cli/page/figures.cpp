#include "cli/page/figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <limits>
#include <utility>
#include <vector>

#include "cli/page/html.h"
#include "results/records/branch_weights.h"
#include "results/records/mask_values.h"
#include "results/records/prefix_distances.h"
#include "results/records/recovery.h"

namespace resolute::cli {
namespace {

using results::BranchWeights;
using results::MaskSpread;
using results::PrefixDistances;
using results::RecoveryQuality;
using Cells = std::vector<std::string>;

std::string table_line(const Cells& cells, std::string_view tag, bool used = false) {
  std::string html = used ? "<tr class=\"used\">" : "<tr>";
  for (const std::string& cell : cells) html += fmt::format("<{0}>{1}</{0}>", tag, cell);
  return html + "</tr>\n";
}

std::string table_html(const Cells& heading, const std::string& lines) {
  return "<table>\n" + table_line(heading, "th") + lines + "</table>\n";
}

Box box_of(std::vector<double> values, std::string title) {
  return {results::spread_of(values), values.size(), "images", std::move(title)};
}

//! What whiskers span.
std::pair<double, double> ends_of(const BoxPlot& plot) {
  double least = std::numeric_limits<double>::infinity(), most = -least;
  for (const BoxPlot::Group& group : plot.groups)
    for (const BoxPlot::Column& column : group.columns)
      for (const std::optional<Box>& box : column.boxes) {
        if (!box) continue;
        least = std::min(least, box->spread.percentiles.front());
        most = std::max(most, box->spread.percentiles.back());
      }
  return {least, most};
}

//! "rank correlation with the rate: w_HR -0.41 [-0.52, -0.30], w_LR …; …" as far as it is known.
std::string weights_in_words(const Metrics& metrics) {
  std::string text;
  const auto value = [&](const std::string& name) {
    const auto found = metrics.find(name);
    return found == metrics.end() ? nullptr : &found->second;
  };
  for (const auto& [branch, name] :
       {std::pair<const char*, std::string>{"w_HR", "weight_hr_rho"}, {"w_LR", "weight_lr_rho"}}) {
    const double *rho = value(name), *low = value(name + "_low"), *high = value(name + "_high");
    if (rho != nullptr && low != nullptr && high != nullptr)
      text += fmt::format("{}{} {:+.2f} [{:+.2f}, {:+.2f}]", text.empty() ? "rank correlation with the rate: " : ", ",
                          branch, *rho, *low, *high);
  }
  if (const double* share = value("hr_share"))
    text += fmt::format("{}the HR branch's share of the distance: {:.1f} %", text.empty() ? "" : "; ", *share * 100);
  return text;
}

//! A column for the high side, if there are images of it, and one for each rate of the low side, in each a box a
//! weight.
Drawn draw_weights(const std::vector<BranchWeights>& rows, const Metrics& metrics) {
  std::map<std::pair<bool, int>, std::array<std::vector<double>, 2>> found;  // low, rate → HR, LR
  for (const BranchWeights& row : rows) {
    auto& [hr, lr] = found[{row.low, row.rate}];
    hr.push_back(static_cast<double>(row.hr));
    if (row.lr) lr.push_back(static_cast<double>(*row.lr));
  }
  BoxPlot plot{.series = {{"hr", "w_HR"}, {"lr", "w_LR"}}, .gap = 12, .least = 180};
  for (const auto& [place, values] : found) {
    const auto [low, rate] = place;
    const std::string name = low ? fmt::format("rate {}", rate) : "high side";
    BoxPlot::Column column{low ? fmt::format("{}", rate) : "HR image", {box_of(values[0], "w_HR, " + name)}};
    if (low) column.boxes.push_back(box_of(values[1], "w_LR, " + name));
    const std::string group = low ? "rate, low side" : name;
    if (plot.groups.empty() || plot.groups.back().name != group) plot.groups.push_back({group, {}});
    plot.groups.back().columns.push_back(std::move(column));
  }
  // A sigmoid and its floor end a little above 1.
  if (const double most = ends_of(plot).second; most > 1.01)
    plot.axis = {0, std::pow(10.0, std::ceil(std::log10(most)))};
  return {std::move(plot), {}, weights_in_words(metrics)};
}

//! A line for each rate and scale, rates ascending, scales descending.
std::string recovery_table(const std::vector<RecoveryQuality>& rows) {
  std::map<std::pair<int, int>, std::string> lines;
  for (const auto& [place, mean] : results::mean_recovery(rows)) {
    const auto [rate, scale] = place;
    // Inputs that are what the scale aims at: nothing can gain on them.
    const bool equal = !(mean.enlarged_ssim < 1);
    lines[{rate, -scale}] = table_line(
        {fmt::format("{}", rate), scale_in_words(scale), fmt::format("{}", mean.images),
         fmt::format("{:.2f}", mean.recovered_psnr), equal ? "equal" : fmt::format("{:.2f}", mean.enlarged_psnr),
         equal ? "–" : fmt::format("{:+.2f}", mean.psnr_gain()), fmt::format("{:.3f}", mean.recovered_ssim),
         fmt::format("{:.3f}", mean.enlarged_ssim)},
        "td");
  }
  std::string all;
  for (const auto& [place, line] : lines) all += line;
  return table_html({"rate", "scale", "images", "PSNR recovered", "enlarged", "gain, dB", "SSIM recovered", "enlarged"},
                    all);
}

//! A column for each rate above 1, in each a box of recovered and one of enlarged images' PSNR, at scale 1.
Drawn draw_recovery(const std::vector<RecoveryQuality>& rows, const Metrics&) {
  std::map<int, std::array<std::vector<double>, 2>> found;
  for (const RecoveryQuality& row : rows) {
    // An enlarged HR image is the HR image: rate 1 says nothing here.
    if (row.scale != 1 || row.rate == 1) continue;
    auto& [recovered, enlarged] = found[row.rate];
    recovered.push_back(static_cast<double>(row.recovered.psnr));
    enlarged.push_back(static_cast<double>(row.enlarged.psnr));
  }
  if (found.empty()) return {std::nullopt, recovery_table(rows), {}};
  BoxPlot plot{.series = {{"hr", "recovered, dB"}, {"lr", "enlarged, dB"}},
               .groups = {{"rate", {}}},
               .legend = 110,
               .least = 240};
  for (const auto& [rate, values] : found)
    plot.groups[0].columns.push_back({fmt::format("{}", rate),
                                      {box_of(values[0], fmt::format("recovered, rate {}", rate)),
                                       box_of(values[1], fmt::format("enlarged, rate {}", rate))}});
  constexpr double kStep = 5;  // decibels; the axis begins and ends at a multiple
  const auto [least, most] = ends_of(plot);
  const double bottom = std::floor(least / kStep) * kStep;
  plot.axis = {bottom, std::max(std::ceil(most / kStep) * kStep, bottom + kStep)};
  return {std::move(plot), recovery_table(rows), {}};
}

//! A column for each block, in the network's order, in each a box for each level, the lowest first; of more than four
//! levels the highest four. Below, the mean difference of each level below the highest to that.
Drawn draw_masks(const std::vector<MaskSpread>& rows, const Metrics&) {
  // By how far a level is below the highest, whose colour is that of HR images elsewhere; the lowest has the last.
  constexpr std::array<std::string_view, 4> kStyles = {"hr", "third", "fourth", "lr"};
  const int highest = rows.back().level, drawn = std::min(highest, static_cast<int>(kStyles.size()));
  constexpr double kApart = 12.5, kLeastColumn = 56;  // a block's name
  BoxPlot plot{.axis_name = "factor",
               .groups = {{"block, from the image to the feature", {}}},
               .column = std::max(kApart * drawn + 14, kLeastColumn),
               .box = 10,
               .apart = kApart,
               .least = 64.0 * drawn + 48};
  Cells heading{"block", "channels"};
  for (int level = 1; level <= highest; ++level) {
    if (level < highest) heading.push_back(fmt::format("level {} to {}", level, highest));
    if (level > highest - drawn)
      plot.series.push_back(
          {level == 1 && highest > 1 ? kStyles.back() : kStyles[static_cast<std::size_t>(highest - level)],
           fmt::format("level {}", level)});
  }
  std::string lines;
  Cells cells;
  for (const MaskSpread& row : rows) {
    if (row.level == 1) {
      cells = {row.block, fmt::format("{}", row.channels)};
      plot.groups[0].columns.push_back({row.block, {}});
    }
    if (row.level > highest - drawn)
      plot.groups[0].columns.back().boxes.push_back(Box{row.values, static_cast<std::size_t>(row.channels), "channels",
                                                        fmt::format("{}, level {}", row.block, row.level)});
    if (row.level < highest)
      cells.push_back(fmt::format("{:.3f}", row.difference));
    else
      lines += table_line(cells, "td");
  }
  return {std::move(plot), highest == 1 ? "" : table_html(heading, lines), {}};
}

//! A group of columns for each rate and level of queries, in it a column for each prefix, in each a box of the squared
//! distances to matches and one to other images, where there are such pairs. Below, how each prefix alone would rank;
//! what queries are compared by stands in bold.
Drawn draw_prefixes(const std::vector<PrefixDistances>& rows, const Metrics&) {
  BoxPlot plot{.axis_name = "squared distance",
               .series = {{"hr", "same identity"}, {"lr", "others"}},
               .below = "sub-vectors compared",
               .column = 48,
               .apart = 20.8,
               .gap = 16,
               .legend = 112,
               .least = 288};
  std::string lines;
  for (const PrefixDistances& row : rows) {
    const std::string prefix = row.prefix == 1 ? "1" : fmt::format("1–{}", row.prefix);
    // A single column is too narrow for all of it.
    if (row.prefix == 1)
      plot.groups.push_back(
          {row.level > 1 ? fmt::format("rate {}, level {}", row.rate, row.level) : fmt::format("rate {}", row.rate),
           {}});
    BoxPlot::Column column{prefix, {}};
    Cells medians;
    for (const auto& [name, kind] : {std::pair{"same identity", &row.match}, {"others", &row.other}}) {
      const std::string title = fmt::format("{}, rate {}, level {}, sub-vectors {}", name, row.rate, row.level, prefix);
      const bool any = kind->pairs > 0;
      column.boxes.push_back(
          any ? std::optional(Box{kind->squared, static_cast<std::size_t>(kind->pairs), "pairs", title})
              : std::nullopt);
      medians.push_back(any ? fmt::format("{:.4g}", kind->squared.percentiles[2]) : "–");
    }
    plot.groups.back().columns.push_back(std::move(column));
    const auto percent = [&](double fraction) { return row.queries > 0 ? fmt::format("{:.1f}", 100 * fraction) : "–"; };
    lines +=
        table_line({fmt::format("{}", row.rate), fmt::format("{}", row.level), fmt::format("{}", row.queries), prefix,
                    fmt::format("{}", row.dimensions), medians[0], medians[1], percent(row.rank1), percent(row.map)},
                   "td", row.prefix == row.level);
  }
  plot.axis = {0, round_above(ends_of(plot).second)};
  return {std::move(plot),
          table_html({"rate", "level", "queries", "sub-vectors", "dimensions", "same identity, median", "others",
                      "rank-1, %", "mAP, %"},
                     lines),
          {}};
}

template <class Row, Drawn (*draw)(const std::vector<Row>&, const Metrics&)>
std::optional<Drawn> drawn_of(std::string_view text, const std::string& where, const Metrics& metrics) {
  const std::vector<Row> rows = results::parse_csv<Row>(text, where);
  return rows.empty() ? std::nullopt : std::optional(draw(rows, metrics));
}

constexpr std::array kFigures{
    Figure{&experiments::kWeightsOutput, "Weights against rate",
           "The weights that each method gives to a sample of test images at several rates: as HR gallery images (high "
           "side) and as LR queries or copies (low side). Boxes hold half of the images around the median, whiskers "
           "nine of ten.",
           "Weights of ", " by rate", drawn_of<BranchWeights, draw_weights>},
    Figure{&experiments::kRecoveryOutput, "Recovered images",
           "What each method's decoders make of a sample of test images at several rates, against what they aim at: "
           "the HR image at scale 1, the copy at rate r at scale 1/r. Beside it the LR image itself, enlarged "
           "bilinearly. Boxes hold half of the images around the median, whiskers nine of ten.",
           "PSNR of images recovered by ", " by rate", drawn_of<RecoveryQuality, draw_recovery>},
    Figure{&experiments::kMasksOutput, "Masks",
           "The factors that each method scales the channels of its network's blocks with, at each level of "
           "resolution; the highest level is that of the gallery. Boxes hold half of the channels around the median, "
           "whiskers nine of ten. Below: the mean difference of a channel's factors at two levels.",
           "Mask values of ", " by block and level", drawn_of<MaskSpread, draw_masks>},
    Figure{&experiments::kPrefixesOutput, "Distance by shared prefix",
           "Squared distances of queries to gallery images by the first sub-vectors that both have, for each rate and "
           "the level of resolution that queries are taken for. Boxes hold half of the pairs around the median, "
           "whiskers nine of ten. Below: how each prefix alone would rank them; in bold what they are compared by.",
           "Distances of ", " by shared prefix", drawn_of<PrefixDistances, draw_prefixes>}};

}  // namespace

std::string Figure::key() const { return std::filesystem::path(output->file).stem().string(); }

std::span<const Figure> figures() { return kFigures; }

std::string figure_html(const Figure& figure, std::string_view text, const std::string& where, const Metrics& metrics,
                        std::string_view label) {
  const std::optional<Drawn> drawn = figure.draw(text, where, metrics);
  if (!drawn) return {};
  return fmt::format(
      "<figure>\n<figcaption>{}{}</figcaption>\n{}{}</figure>\n", escaped(label),
      drawn->words.empty() ? "" : fmt::format(" <span class=\"quiet\">({})</span>", drawn->words),
      drawn->plot ? box_plot_svg(*drawn->plot, fmt::format("{}{}{}", figure.description, label, figure.of_label)) : "",
      drawn->table);
}

std::string scale_in_words(int scale) { return scale == 1 ? "1" : fmt::format("1/{}", scale); }

}  // namespace resolute::cli
