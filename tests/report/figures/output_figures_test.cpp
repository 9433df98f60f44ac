//! The figures of what evaluations leave: boxes stand where the percentiles are, tables and words say what a file
//! holds.

#include "report/figures/output_figures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "results/records/branch_weights.h"
#include "results/records/mask_values.h"
#include "results/records/prefix_distances.h"
#include "results/records/recovery.h"

namespace resolute::report::output_figures_test {
namespace {

using results::BranchWeights;
using results::ImageRecoveryQuality;
using results::MaskSpread;
using results::PrefixDistances;
using testing::ElementsAre;
using testing::HasSubstr;

std::optional<Figure> drawn(FigureSection section, const std::string& text, const Metrics& metrics = {}) {
  const auto all = output_figures();
  const auto one = std::find_if(all.begin(), all.end(), [&](const auto& figure) { return figure.section == section; });
  return figure_of_output(*one, text, "file", metrics, "One");
}

template <class Row>
Figure figure_of(FigureSection section, const std::vector<Row>& rows, const Metrics& metrics = {}) {
  return drawn(section, results::csv_text(rows), metrics).value();
}

//! "category: median [q1, q3]" of every box of a series, in their order.
std::vector<std::string> boxes_of(const Figure& figure, std::size_t series) {
  std::vector<std::string> boxes;
  for (const FigurePoint& point : figure.series.at(series).points)
    boxes.push_back(fmt::format("{}: {:.4g} [{:.4g}, {:.4g}]",
                                figure.x.categories.at(static_cast<std::size_t>(point.x)), *point.y, *point.q1,
                                *point.q3));
  return boxes;
}

//! Image i of 0 … 20 has w_HR = 1 - i/20 at rate 2, a half of that at rate 4, and w_LR = 0.8; 0.9 on the high side.
std::vector<BranchWeights> example_weights() {
  std::vector<BranchWeights> rows;
  for (int i = 0; i <= 20; ++i) {
    const std::string path = "a/" + std::to_string(i) + ".png";
    rows.push_back({path, i, 1, false, 1, 0.9F, std::nullopt});
    for (int rate : {4, 2})
      rows.push_back(
          {path, i, 1, true, rate, (1.001F - static_cast<float>(i) / 20) * 2 / static_cast<float>(rate), 0.8F});
  }
  return rows;
}

//! Image i of 0 … 20 is recovered to 20 + i/2 dB at rate 4, 2 dB more at rate 2; enlarged it has 21 and 24 dB. At scale
//! 1/3 everything is at 30 dB, and rate 1 is better than the axis.
std::vector<ImageRecoveryQuality> example_recovery() {
  std::vector<ImageRecoveryQuality> rows;
  for (int i = 0; i <= 20; ++i)
    for (int rate : {1, 2, 4})
      for (int scale : {3, 1}) {
        const float recovered_psnr = 20 + static_cast<float>(i) / 2 + (rate == 2 ? 2 : 0), plain = rate == 2 ? 24 : 21;
        ImageRecoveryQuality row{"a/" + std::to_string(i) + ".png", i, 1, rate, scale, {30, 0.9F}, {30, 0.8F}};
        if (scale == 1 && rate > 1) row.recovered.psnr = recovered_psnr, row.enlarged.psnr = plain;
        if (rate == 1) row.enlarged.psnr = 98;
        rows.push_back(row);
      }
  return rows;
}

//! Block b, level k of m: half of the channels between 0.1 (b mod 3 + k) - 0.05 and 0.1 (b mod 3 + k) + 0.05.
std::vector<MaskSpread> example_masks(int blocks, int levels) {
  std::vector<MaskSpread> rows;
  for (int block = 0; block < blocks; ++block)
    for (int level = 1; level <= levels; ++level) {
      const double middle = 0.1 * (block % 3 + level);
      rows.push_back({"layer3." + std::to_string(block),
                      level,
                      128,
                      {{middle - 0.08, middle - 0.05, middle, middle + 0.05, middle + 0.08}, middle},
                      0.125 * (levels - level)});
    }
  return rows;
}

//! Half of the pairs between 3/4 and 5/4 of the middle.
results::DistanceSpread pairs_around(double middle, std::int64_t pairs) {
  return {pairs, {{middle / 2, 0.75 * middle, middle, 1.25 * middle, 1.5 * middle}, middle}};
}

//! Rates 2 (level 3) and 4 (level 1): by prefix p right pairs are around 2 p, wrong ones around 4 p.
std::vector<PrefixDistances> example_prefixes() {
  std::vector<PrefixDistances> rows;
  for (const auto& [rate, level] : {std::pair{2, 3}, {4, 1}})
    for (int prefix = 1; prefix <= level; ++prefix)
      rows.push_back({rate, level, prefix, 32 * prefix, 50, pairs_around(2.0 * prefix, 50),
                      pairs_around(4.0 * prefix, 950), 0.25 * prefix, 0.3125 * prefix});
  return rows;
}

TEST(OutputFigures, weights_stand_by_side_and_rate) {
  const Figure figure = figure_of(FigureSection::kWeights, example_weights());
  EXPECT_EQ(figure.kind, FigureKind::kBoxes);
  EXPECT_EQ(figure.title, "Weights against rate: One");
  EXPECT_THAT(boxes_of(figure, 0), ElementsAre("high side: 0.9 [0.9, 0.9]", "low side, rate 2: 0.501 [0.251, 0.751]",
                                               "low side, rate 4: 0.2505 [0.1255, 0.3755]"));
  EXPECT_THAT(boxes_of(figure, 1), ElementsAre("low side, rate 2: 0.8 [0.8, 0.8]", "low side, rate 4: 0.8 [0.8, 0.8]"));
  const FigurePoint& whiskers = figure.series[0].points[1];
  EXPECT_NEAR(*whiskers.low, 0.051, 1e-6);
  EXPECT_NEAR(*whiskers.high, 0.951, 1e-6);
}

TEST(OutputFigures, the_order_of_weights_changes_nothing_and_a_side_may_be_alone) {
  auto rows = example_weights();
  const core::Json json = to_json(figure_of(FigureSection::kWeights, rows));
  std::reverse(rows.begin(), rows.end());
  EXPECT_EQ(json, to_json(figure_of(FigureSection::kWeights, rows)));
  for (const bool low : {false, true}) {
    const BranchWeights one{"a", 1, 1, low, low ? 3 : 1, 0.5F, low ? std::optional(0.25F) : std::nullopt};
    const Figure alone = figure_of<BranchWeights>(FigureSection::kWeights, {one});
    EXPECT_EQ(alone.series.size(), low ? 2U : 1U);
    EXPECT_THAT(alone.x.categories, ElementsAre(low ? "low side, rate 3" : "high side"));
  }
}

TEST(OutputFigures, correlations_of_weights_are_said_as_far_as_they_are_there) {
  const auto caption = [](const Metrics& metrics) {
    return figure_of(FigureSection::kWeights, example_weights(), metrics).caption;
  };
  Metrics metrics{{"mAP", 0.5}};
  const std::string plain = caption(metrics);
  metrics["weight_hr_rho"] = -0.414;
  EXPECT_EQ(caption(metrics), plain);
  metrics["weight_hr_rho_low"] = -0.52;
  metrics["weight_hr_rho_high"] = 0.3;
  const std::string known = plain + " Rank correlation with the rate: w_HR -0.41 [-0.52, +0.30]";
  EXPECT_EQ(caption(metrics), known + ".");
  metrics["hr_share"] = 0.125;
  metrics["weight_lr_rho"] = metrics["weight_lr_rho_low"] = metrics["weight_lr_rho_high"] = 1;
  EXPECT_EQ(caption(metrics), known + ", w_LR +1.00 [+1.00, +1.00]; the HR branch's share of the distance: 12.5 %.");
}

TEST(OutputFigures, recovered_images_have_boxes_at_scale_1_and_a_line_a_rate_and_scale) {
  const Figure figure = figure_of(FigureSection::kRecovery, example_recovery());
  EXPECT_THAT(boxes_of(figure, 0), ElementsAre("rate 2: 27 [24.5, 29.5]", "rate 4: 25 [22.5, 27.5]"));
  EXPECT_THAT(boxes_of(figure, 1), ElementsAre("rate 2: 24 [24, 24]", "rate 4: 21 [21, 21]"));
  ASSERT_EQ(figure.rows.size(), 6U);
  EXPECT_THAT(figure.rows[0], ElementsAre("1", "1/3", "21", "30.00", "98.00", "-68.00", "0.900", "0.800"));
  EXPECT_THAT(figure.rows[5], ElementsAre("4", "1", "21", "25.00", "21.00", "+4.00", "0.900", "0.800"));
  for (const auto& row : figure.rows) EXPECT_EQ(row.size(), figure.columns.size());
}

TEST(OutputFigures, recovered_hr_images_alone_have_a_table_and_no_boxes) {
  const Figure figure =
      figure_of<ImageRecoveryQuality>(FigureSection::kRecovery, {{"a", 1, 1, 1, 1, {30, 1}, {98, 1}}});
  EXPECT_TRUE(figure.series.empty());
  EXPECT_THAT(figure.rows, ElementsAre(ElementsAre("1", "1", "1", "30.00", "equal", "–", "1.000", "1.000")));
}

TEST(OutputFigures, masks_have_a_box_a_block_and_level_and_differences_below) {
  for (int levels = 1; levels <= 4; ++levels) {
    const Figure figure = figure_of(FigureSection::kMasks, example_masks(3, levels));
    ASSERT_EQ(figure.series.size(), static_cast<std::size_t>(levels));
    EXPECT_THAT(figure.x.categories, ElementsAre("layer3.0", "layer3.1", "layer3.2"));
    EXPECT_EQ(figure.series.back().name, fmt::format("level {}", levels));
    EXPECT_EQ(figure.rows.empty(), levels == 1);
  }
  const Figure figure = figure_of(FigureSection::kMasks, example_masks(3, 4));
  EXPECT_THAT(boxes_of(figure, 3),
              ElementsAre("layer3.0: 0.4 [0.35, 0.45]", "layer3.1: 0.5 [0.45, 0.55]", "layer3.2: 0.6 [0.55, 0.65]"));
  EXPECT_THAT(figure.columns, ElementsAre("block", "channels", "level 1 to 4", "level 2 to 4", "level 3 to 4"));
  EXPECT_THAT(figure.rows.back(), ElementsAre("layer3.2", "128", "0.375", "0.250", "0.125"));
}

TEST(OutputFigures, prefixes_have_a_box_a_rate_and_prefix_and_say_what_queries_are_compared_by) {
  const Figure figure = figure_of(FigureSection::kPrefixes, example_prefixes());
  EXPECT_THAT(boxes_of(figure, 0),
              ElementsAre("2: 1: 2 [1.5, 2.5]", "2: 1–2: 4 [3, 5]", "2: 1–3: 6 [4.5, 7.5]", "4: 1: 2 [1.5, 2.5]"));
  EXPECT_THAT(boxes_of(figure, 1)[1], "2: 1–2: 8 [6, 10]");
  EXPECT_THAT(figure.rows[1], ElementsAre("2", "3", "50", "1–2", "64", "4", "8", "50.0", "62.5", ""));
  EXPECT_EQ(figure.rows[2].back(), "yes");
  EXPECT_EQ(figure.rows[3].back(), "yes");
}

TEST(OutputFigures, a_prefix_without_queries_has_no_score) {
  const Figure figure =
      figure_of<PrefixDistances>(FigureSection::kPrefixes, {{3, 1, 1, 32, 0, {}, pairs_around(4, 9), 0, 0}});
  EXPECT_THAT(figure.rows, ElementsAre(ElementsAre("3", "1", "0", "1", "32", "–", "4", "–", "–", "yes")));
  EXPECT_EQ(figure.series.size(), 1U) << "no pair of one identity";
}

TEST(OutputFigures, of_a_file_without_rows_there_is_none) {
  for (const auto& [section, text] : {std::pair{FigureSection::kWeights, results::csv_text(example_weights())},
                                      {FigureSection::kRecovery, results::csv_text(example_recovery())},
                                      {FigureSection::kMasks, results::csv_text(example_masks(1, 1))},
                                      {FigureSection::kPrefixes, results::csv_text(example_prefixes())}})
    EXPECT_FALSE(drawn(section, text.substr(0, text.find('\n') + 1)).has_value()) << settings::word(section);
  EXPECT_EQ(output_figures().size(), 4U) << "a case for each";
}

TEST(OutputFigures, a_damaged_file_is_refused_by_its_name) {
  try {
    drawn(FigureSection::kMasks, "nonsense\n");
    FAIL() << "it was read";
  } catch (const core::RuntimeError& error) {
    EXPECT_THAT(error.what(), HasSubstr("file"));
  }
}

}  // namespace
}  // namespace resolute::report::output_figures_test
