#include "report/figures/output_figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "results/records/branch_weights.h"
#include "results/records/mask_values.h"
#include "results/records/prefix_distances.h"
#include "results/records/recovery.h"

namespace resolute::report {
namespace {

using results::BranchWeights;
using results::ImageRecoveryQuality;
using results::MaskSpread;
using results::PrefixDistances;

//! A box of some values in a category of the axis, which is added where it is new.
void add_box(Figure& figure, std::size_t series, const std::string& category, const results::Spread& spread) {
  auto& categories = figure.x.categories;
  const auto found = std::ranges::find(categories, category);
  const auto place = static_cast<double>(found - categories.begin());
  if (found == categories.end()) categories.push_back(category);
  const auto& [p5, p25, p50, p75, p95] = spread.percentiles;
  figure.series.at(series).points.push_back({.x = place, .y = p50, .low = p5, .high = p95, .q1 = p25, .q3 = p75});
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
      text += fmt::format("{}{} {:+.2f} [{:+.2f}, {:+.2f}]", text.empty() ? "Rank correlation with the rate: " : ", ",
                          branch, *rho, *low, *high);
  }
  if (const double* share = value("hr_share"))
    text += fmt::format("{}the HR branch's share of the distance: {:.1f} %", text.empty() ? "" : "; ", *share * 100);
  return text.empty() ? text : text + ".";
}

//! A category for the high side, if there are images of it, and one for each rate of the low side, in each a box a
//! weight.
Figure draw_weights(const std::vector<BranchWeights>& rows, const Metrics& metrics) {
  std::map<std::pair<bool, int>, std::array<std::vector<double>, 2>> found;  // low, rate → HR, LR
  for (const BranchWeights& row : rows) {
    auto& [hr, lr] = found[{row.low, row.rate}];
    hr.push_back(static_cast<double>(row.hr));
    if (row.lr) lr.push_back(static_cast<double>(*row.lr));
  }
  Figure figure{.caption = weights_in_words(metrics),
                .y = {.title = "weight", .from = 0},
                .series = {{.name = "w_HR"}, {.name = "w_LR"}}};
  for (auto& [place, values] : found) {
    const auto [low, rate] = place;
    const std::string category = low ? fmt::format("low side, rate {}", rate) : "high side";
    add_box(figure, 0, category, results::spread_of(values[0]));
    if (low) add_box(figure, 1, category, results::spread_of(values[1]));
  }
  return figure;
}

// "1", "1/2", "1/3": a decoder's scale as papers write it.
std::string scale_in_words(int scale) { return scale == 1 ? "1" : fmt::format("1/{}", scale); }

//! A category for each rate above 1, in each a box of recovered and one of enlarged images' PSNR, at scale 1. Below, a
//! line for each rate and scale, rates ascending, scales descending.
Figure draw_recovery(const std::vector<ImageRecoveryQuality>& rows, const Metrics&) {
  Figure figure{.y = {.title = "PSNR, dB"}, .series = {{.name = "recovered"}, {.name = "enlarged"}}};
  figure.columns = {"rate", "scale", "images", "PSNR recovered", "enlarged", "gain", "SSIM recovered", "SSIM enlarged"};
  std::map<int, std::array<std::vector<double>, 2>> found;
  for (const ImageRecoveryQuality& row : rows) {
    // An enlarged HR image is the HR image: rate 1 says nothing here.
    if (row.scale != 1 || row.rate == 1) continue;
    auto& [recovered, enlarged] = found[row.rate];
    recovered.push_back(static_cast<double>(row.recovered.psnr));
    enlarged.push_back(static_cast<double>(row.enlarged.psnr));
  }
  for (auto& [rate, values] : found)
    for (std::size_t series : {0U, 1U})
      add_box(figure, series, fmt::format("rate {}", rate), results::spread_of(values[series]));
  std::map<std::pair<int, int>, std::vector<std::string>> lines;
  for (const auto& [place, mean] : results::mean_recovery(rows)) {
    const auto [rate, scale] = place;
    // Inputs that are what the scale aims at: nothing can gain on them.
    const bool equal = !(mean.enlarged_ssim < 1);
    lines[{rate, -scale}] = {fmt::format("{}", rate),
                             scale_in_words(scale),
                             fmt::format("{}", mean.images),
                             fmt::format("{:.2f}", mean.recovered_psnr),
                             equal ? "equal" : fmt::format("{:.2f}", mean.enlarged_psnr),
                             equal ? "–" : fmt::format("{:+.2f}", mean.psnr_gain()),
                             fmt::format("{:.3f}", mean.recovered_ssim),
                             fmt::format("{:.3f}", mean.enlarged_ssim)};
  }
  for (auto& [place, line] : lines) figure.rows.push_back(std::move(line));
  return figure;
}

//! A category for each block, in the network's order, in each a box for each level, the lowest first. Below, the mean
//! difference of each level below the highest to that.
Figure draw_masks(const std::vector<MaskSpread>& rows, const Metrics&) {
  const int highest = rows.back().level;
  Figure figure{.x = {"block, from the image to the feature"}, .y = {.title = "factor", .from = 0, .to = 1}};
  for (int level = 1; level <= highest; ++level) figure.series.push_back({.name = fmt::format("level {}", level)});
  if (highest > 1) {
    figure.columns = {"block", "channels"};
    for (int level = 1; level < highest; ++level)
      figure.columns.push_back(fmt::format("level {} to {}", level, highest));
  }
  std::vector<std::string> line;
  for (const MaskSpread& row : rows) {
    if (row.level == 1) line = {row.block, fmt::format("{}", row.channels)};
    add_box(figure, static_cast<std::size_t>(row.level) - 1, row.block, row.values);
    if (row.level < highest)
      line.push_back(fmt::format("{:.3f}", row.difference));
    else if (highest > 1)
      figure.rows.push_back(line);
  }
  return figure;
}

//! A category for each rate and level of queries and each prefix, in it a box of the squared distances to matches and
//! one to other images, where there are such pairs. Below, how each prefix alone would rank.
Figure draw_prefixes(const std::vector<PrefixDistances>& rows, const Metrics&) {
  Figure figure{.x = {"rate of the queries: sub-vectors compared"},
                .y = {.title = "squared distance", .from = 0},
                .series = {{.name = "same identity"}, {.name = "others"}},
                .columns = {"rate", "level", "queries", "sub-vectors", "dimensions", "same identity, median", "others",
                            "rank-1, %", "mAP, %", "compared by"}};
  for (const PrefixDistances& row : rows) {
    const std::string prefix = row.prefix == 1 ? "1" : fmt::format("1–{}", row.prefix);
    const std::string category = row.level > 1 || row.rate > 1 ? fmt::format("{}: {}", row.rate, prefix) : prefix;
    std::vector<std::string> medians;
    for (std::size_t series : {0U, 1U}) {
      const results::DistanceSpread& pairs = series == 0 ? row.match : row.other;
      if (pairs.pairs > 0) add_box(figure, series, category, pairs.squared);
      medians.push_back(pairs.pairs > 0 ? fmt::format("{:.4g}", pairs.squared.percentiles[2]) : "–");
    }
    const auto percent = [&](double fraction) { return row.queries > 0 ? fmt::format("{:.1f}", 100 * fraction) : "–"; };
    figure.rows.push_back({fmt::format("{}", row.rate), fmt::format("{}", row.level), fmt::format("{}", row.queries),
                           prefix, fmt::format("{}", row.dimensions), medians[0], medians[1], percent(row.rank1),
                           percent(row.map), row.prefix == row.level ? "yes" : ""});
  }
  return figure;
}

template <class Row, Figure (*draw)(const std::vector<Row>&, const Metrics&)>
std::optional<Figure> drawn_of(std::string_view text, const std::string& where, const Metrics& metrics) {
  const std::vector<Row> rows = results::parse_csv<Row>(text, where);
  return rows.empty() ? std::nullopt : std::optional(draw(rows, metrics));
}

constexpr std::array kOutputFigures{
    OutputFigure{
        &experiments::kRecoveryOutput, FigureSection::kRecovery, "Recovered images",
        "What each method's decoders make of a sample of test images at several rates, against what they aim "
        "at: the HR image at scale 1, the copy at rate r at scale 1/r. Beside it the LR image itself, enlarged "
        "bilinearly. Boxes hold half of the images around the median, whiskers nine of ten.",
        drawn_of<ImageRecoveryQuality, draw_recovery>},
    OutputFigure{&experiments::kWeightsOutput, FigureSection::kWeights, "Weights against rate",
                 "The weights that each method gives to a sample of test images at several rates: as HR gallery images "
                 "(high side) and as LR queries or copies (low side). Boxes hold half of the images around the median, "
                 "whiskers nine of ten.",
                 drawn_of<BranchWeights, draw_weights>},
    OutputFigure{&experiments::kMasksOutput, FigureSection::kMasks, "Masks",
                 "The factors that each method scales the channels of its network's blocks with, at each level of "
                 "resolution; the highest level is that of the gallery. Boxes hold half of the channels around the "
                 "median, whiskers nine of ten. Below: the mean difference of a channel's factors at two levels.",
                 drawn_of<MaskSpread, draw_masks>},
    OutputFigure{&experiments::kPrefixesOutput, FigureSection::kPrefixes, "Distance by shared prefix",
                 "Squared distances of queries to gallery images by the first sub-vectors that both have, for each "
                 "rate and the level of resolution that queries are taken for. Boxes hold half of the pairs around the "
                 "median, whiskers nine of ten. Below: how each prefix alone would rank them.",
                 drawn_of<PrefixDistances, draw_prefixes>}};

}  // namespace

std::span<const OutputFigure> output_figures() { return kOutputFigures; }

std::optional<Figure> figure_of_output(const OutputFigure& one, std::string_view text, const std::string& where,
                                       const Metrics& metrics, std::string_view label) {
  std::optional<Figure> figure = one.draw(text, where, metrics);
  if (!figure) return figure;
  figure->section = one.section;
  figure->kind = FigureKind::kBoxes;
  figure->title = fmt::format("{}: {}", one.title, label);
  figure->caption =
      figure->caption.empty() ? std::string(one.caption) : fmt::format("{} {}", one.caption, figure->caption);
  // Values beyond an end of the axis shall stay on the picture.
  for (const FigureSeries& series : figure->series)
    for (const FigurePoint& point : series.points)
      if (figure->y.to && point.high > figure->y.to) figure->y.to = std::nullopt;
  std::erase_if(figure->series, [](const FigureSeries& series) { return series.points.empty(); });
  return figure;
}

}  // namespace resolute::report
