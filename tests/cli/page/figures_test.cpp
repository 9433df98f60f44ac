//! The figures of a page: boxes stand where the percentiles are, nothing leaves its place, tables and words say what a
//! file holds.

#include "cli/page/figures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <regex>
#include <set>

#include "cli/page/panel_page.h"
#include "results/records/branch_weights.h"
#include "results/records/mask_values.h"
#include "results/records/prefix_distances.h"
#include "results/records/recovery.h"

namespace resolute::cli::figures_test {
namespace {

using results::BranchWeights;
using results::MaskSpread;
using results::PrefixDistances;
using results::RecoveryQuality;
using testing::HasSubstr;
using testing::Not;

const Figure& figure_of(const std::string& key) {
  return *std::find_if(figures().begin(), figures().end(), [&](const Figure& one) { return one.key() == key; });
}

template <class Row>
std::string html_of(const std::string& key, const std::vector<Row>& rows, const Metrics& metrics = {}) {
  return figure_html(figure_of(key), results::csv_text(rows), key, metrics, "One <b>");
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
std::vector<RecoveryQuality> example_recovery() {
  std::vector<RecoveryQuality> rows;
  for (int i = 0; i <= 20; ++i)
    for (int rate : {1, 2, 4})
      for (int scale : {3, 1}) {
        const float own = 20 + static_cast<float>(i) / 2 + (rate == 2 ? 2 : 0), plain = rate == 2 ? 24 : 21;
        RecoveryQuality row{"a/" + std::to_string(i) + ".png", i, 1, rate, scale, {30, 0.9F}, {30, 0.8F}};
        if (scale == 1 && rate > 1) row.recovered.psnr = own, row.enlarged.psnr = plain;
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

struct DrawnBox {
  double x, y, height;
  std::string style;
};

//! From left to right, the legend's left out.
std::vector<DrawnBox> drawn_boxes(const std::string& svg, int width) {
  const std::regex box(
      fmt::format("<rect x=\"([0-9.]+)\" y=\"([0-9.]+)\" width=\"{}.0\" height=\"([0-9.]+)\" class=\"([a-z]+)", width));
  std::vector<DrawnBox> found;
  for (std::sregex_iterator at(svg.begin(), svg.end(), box), end; at != end; ++at)
    found.push_back({std::stod((*at)[1]), std::stod((*at)[2]), std::stod((*at)[3]), (*at)[4]});
  return found;
}

//! 200 units from the axis' bottom (y = 228) to its top (y = 28).
struct ExpectedBox {
  std::string style;
  double p25, p75;
};

struct FigureCase {
  const char* key;
  int width;           //!< of a box
  double bottom, top;  //!< of the axis
  std::vector<ExpectedBox> boxes;
  std::vector<const char*> shown, absent;
  std::string text;  //!< of the file

  std::string html(const std::string& label) const { return figure_html(figure_of(key), text, key, {}, label); }
};

void PrintTo(const FigureCase& one, std::ostream* out) { *out << one.key; }

std::vector<ExpectedBox> expected_masks() {
  std::vector<ExpectedBox> boxes;
  for (int block = 0; block < 3; ++block)
    for (int level = 1; level <= 4; ++level) {
      const double middle = 0.1 * (block + level);
      boxes.push_back({std::vector<std::string>{"lr", "fourth", "third", "hr"}.at(static_cast<std::size_t>(level) - 1),
                       middle - 0.05, middle + 0.05});
    }
  return boxes;
}

const std::vector<FigureCase> kCases{
    {"weights",
     16,
     0,
     1,
     {{"hr", 0.9, 0.9}, {"hr", 0.251, 0.751}, {"lr", 0.8, 0.8}, {"hr", 0.1255, 0.3755}, {"lr", 0.8, 0.8}},
     {"aria-label=\"Weights of One &lt;b&gt; by rate\"", "w_HR, high side: median 0.9,",
      "w_HR, rate 2: median 0.501, half of them 0.251 to 0.751, nine of ten 0.051 to 0.951; 21 images",
      "w_LR, rate 4: median 0.8,", ">HR image<", ">high side<", ">rate, low side<"},
     {"<table>"},
     results::csv_text(example_weights())},
    {"recovery",
     16,
     20,
     35,
     {{"hr", 24.5, 29.5}, {"lr", 24, 24}, {"hr", 22.5, 27.5}, {"lr", 21, 21}},
     {"aria-label=\"PSNR of images recovered by One &lt;b&gt; by rate\"",
      "recovered, rate 4: median 25, half of them 22.5 to 27.5, nine of ten 20.5 to 29.5; 21",
      "<tr><td>1</td><td>1/3</td><td>21</td><td>30.00</td><td>98.00</td><td>-68.00</td><td>0.900</td><td>0.800</td></"
      "tr>"
      "\n<tr><td>1</td><td>1</td>",
      "<tr><td>4</td><td>1/3</td><td>21</td><td>30.00</td><td>30.00</td><td>+0.00</td>",
      "<tr><td>4</td><td>1</td><td>21</td><td>25.00</td><td>21.00</td><td>+4.00</td><td>0.900</td><td>0.800</td></tr>\n"
      "</table>"},
     {"rate 1:"},
     results::csv_text(example_recovery())},
    {"masks",
     10,
     0,
     1,
     expected_masks(),
     {"aria-label=\"Mask values of One &lt;b&gt; by block and level\"",
      "layer3.1, level 4: median 0.5, half of them 0.45 to 0.55, nine of ten 0.42 to 0.58; 128 channels", ">layer3.0<",
      ">layer3.1<", ">layer3.2<", "<th>level 1 to 4</th><th>level 2 to 4</th><th>level 3 to 4</th></tr>",
      "<tr><td>layer3.0</td><td>128</td><td>0.375</td><td>0.250</td><td>0.125</td></tr>",
      "<tr><td>layer3.2</td><td>128</td><td>0.375</td><td>0.250</td><td>0.125</td></tr>"},
     {"0.000"},
     results::csv_text(example_masks(3, 4))},
    {"prefixes",
     16,
     0,
     20,  // the highest whisker is at 18
     {{"hr", 1.5, 2.5},
      {"lr", 3, 5},
      {"hr", 3, 5},
      {"lr", 6, 10},
      {"hr", 4.5, 7.5},
      {"lr", 9, 15},
      {"hr", 1.5, 2.5},
      {"lr", 3, 5}},
     {"aria-label=\"Distances of One &lt;b&gt; by shared prefix\"",
      "same identity, rate 2, level 3, sub-vectors 1–2: median 4, half of them 3 to 5, nine of ten 2 to 6; 50 pairs",
      "others, rate 4, level 1, sub-vectors 1: median 4,", ">rate 2, level 3<", ">rate 4<", ">1–3<",
      "<tr><td>2</td><td>3</td><td>50</td><td>1–2</td><td>64</td><td>4</td><td>8</td><td>50.0</td><td>62.5</td></tr>",
      "<tr class=\"used\"><td>2</td><td>3</td><td>50</td><td>1–3</td><td>96</td>",
      "<tr class=\"used\"><td>4</td><td>1</td><td>50</td><td>1</td><td>32</td>"},
     {},
     results::csv_text(example_prefixes())}};

TEST(Figures, there_is_a_case_for_each) { EXPECT_EQ(kCases.size(), figures().size()); }

class EveryFigure : public testing::TestWithParam<FigureCase> {};
INSTANTIATE_TEST_SUITE_P(Figures, EveryFigure, testing::ValuesIn(kCases),
                         [](const auto& one) { return std::string(one.param.key); });

TEST_P(EveryFigure, has_its_boxes_at_the_percentiles_side_by_side) {
  const FigureCase& one = GetParam();
  const std::vector<DrawnBox> found = drawn_boxes(one.html("One <b>"), one.width);
  ASSERT_EQ(found.size(), one.boxes.size());
  const auto y = [&](double value) { return 228 - (value - one.bottom) / (one.top - one.bottom) * 200; };
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].style, one.boxes[i].style) << i;
    EXPECT_NEAR(found[i].y, y(one.boxes[i].p75), 0.11) << i;
    EXPECT_NEAR(found[i].y + found[i].height, y(one.boxes[i].p25), 0.2) << i;
    if (i > 0) {
      EXPECT_GT(found[i].x, found[i - 1].x + one.width) << i;
    }
  }
}

TEST_P(EveryFigure, says_what_its_file_holds) {
  const std::string html = GetParam().html("One <b>");
  for (const char* part : GetParam().shown) EXPECT_THAT(html, HasSubstr(part));
  for (const char* part : GetParam().absent) EXPECT_THAT(html, Not(HasSubstr(part)));
  EXPECT_THAT(GetParam().html("\"><script>"), HasSubstr("&quot;&gt;&lt;script&gt;"));
  EXPECT_THAT(GetParam().html("\"><script>"), Not(HasSubstr("<script")));
}

TEST_P(EveryFigure, stands_on_a_page_where_a_row_has_it_and_nothing_comes_from_elsewhere) {
  const Figure& figure = figure_of(GetParam().key);
  const std::string heading = fmt::format("<h3>{}</h3>", figure.heading);
  const PanelRow row{"one", "One <b>", "0123456789abcdef", "", std::nullopt, {}, {}};
  PanelPage page{"suite", "Title", {{"t", "Table", "people", {row, row, row}}}, {}};
  EXPECT_THAT(panel_page_html(page), Not(HasSubstr(heading)));
  for (std::size_t filled : {1U, 2U}) page.sections[0].rows[filled].figures[figure.output] = GetParam().html(row.label);
  page.sections[0].rows[0].missing = "not evaluated yet";
  const std::string html = panel_page_html(page);
  EXPECT_EQ(html.find(heading), html.rfind(heading));
  EXPECT_THAT(html, testing::ContainsRegex("</svg>(.|\n)*</svg>"));
  EXPECT_THAT(html, HasSubstr(std::string(figure.words)));
  EXPECT_THAT(html, HasSubstr("One &lt;b&gt;: not evaluated yet."));
  for (const char* never : {"<b>", "<script", "http://", "https://", "url(", "@import", "Each strip"})
    EXPECT_THAT(html, Not(HasSubstr(never)));
}

TEST_P(EveryFigure, of_a_file_without_rows_is_none) {
  const std::string header = GetParam().text.substr(0, GetParam().text.find('\n') + 1);
  EXPECT_EQ(figure_html(figure_of(GetParam().key), header, "file", {}, "label"), "");
}

//! A reader lets any positive weight, any finite distance and any PSNR up to kMostPsnr pass.
TEST(Figures, no_extreme_leaves_the_picture) {
  std::vector<std::string> extremes;
  for (float most : {std::numeric_limits<float>::denorm_min(), 1.001F, 7.0F, std::numeric_limits<float>::max()})
    extremes.push_back(html_of<BranchWeights>("weights", {{"a", 1, 1, true, 2, most, 1e-3F}}));
  for (float most : {0.0F, 5.0F, 98.0F, static_cast<float>(results::kMostPsnr)})
    for (float least : {0.0F, most})
      extremes.push_back(html_of<RecoveryQuality>("recovery", {{"a", 1, 1, 2, 1, {most, 1}, {least, 0}}}));
  for (double most :
       {0.0, std::numeric_limits<double>::denorm_min(), 1e-3, 7.0, 1e300, std::numeric_limits<double>::max()}) {
    extremes.push_back(html_of<PrefixDistances>(
        "prefixes", {{2, 1, 1, 32, 1, {1, {{most, most, most, most, most}, most}}, {}, 1, 1}}));
    EXPECT_EQ(drawn_boxes(extremes.back(), 16).size(), 1U) << "no pair of two identities";
  }
  for (const std::string& html : extremes) {
    const std::string svg = html.substr(html.find("<svg"), html.find("</svg>") - html.find("<svg"));
    for (const char* never : {"nan", "inf"}) EXPECT_THAT(svg, Not(HasSubstr(never)));
    const auto boxes = drawn_boxes(svg, 16);
    EXPECT_EQ(std::count_if(boxes.begin(), boxes.end(), [](const auto& box) { return box.style == "hr"; }), 1);
    for (const DrawnBox& box : boxes) {
      EXPECT_GE(box.y, 24) << svg;
      EXPECT_LE(box.y, 228) << svg;
      EXPECT_LE(box.y + box.height, 228.1) << svg;
    }
  }
  EXPECT_THAT(html_of<BranchWeights>("weights", {{"a", 1, 1, true, 2, 7, 1}}), HasSubstr(">10</text>"));
  const auto ends = drawn_boxes(html_of<MaskSpread>("masks", {{"layer1", 1, 1, {{0, 0, 0, 0, 0}, 0}, 1},
                                                              {"layer1", 2, 1, {{1, 1, 1, 1, 1}, 1}, 0}}),
                                10);
  ASSERT_EQ(ends.size(), 2U);
  EXPECT_NEAR(ends[0].y, 228, 0.11);
  EXPECT_NEAR(ends[1].y, 28, 0.11);
}

TEST(Figures, the_order_of_weights_changes_nothing_and_a_side_may_be_alone) {
  auto rows = example_weights();
  const std::string html = html_of("weights", rows);
  std::reverse(rows.begin(), rows.end());
  EXPECT_EQ(html, html_of("weights", rows));
  for (const bool low : {false, true}) {
    const BranchWeights one{"a", 1, 1, low, low ? 3 : 1, 0.5F, low ? std::optional(0.25F) : std::nullopt};
    const std::string alone = html_of<BranchWeights>("weights", {one});
    EXPECT_EQ(drawn_boxes(alone, 16).size(), low ? 2U : 1U);
    EXPECT_THAT(alone, Not(HasSubstr(low ? "high side" : "low side")));
  }
}

TEST(Figures, correlations_of_weights_are_said_as_far_as_they_are_there) {
  const auto words = [](const Metrics& metrics) {
    const std::string html = html_of("weights", example_weights(), metrics);
    const auto begin = html.find("&lt;b&gt;") + 9;
    return html.substr(begin, html.find("</figcaption>") - begin);
  };
  Metrics metrics{{"mAP", 0.5}};
  EXPECT_EQ(words(metrics), "");
  metrics["weight_hr_rho"] = -0.414;
  EXPECT_EQ(words(metrics), "");
  metrics["weight_hr_rho_low"] = -0.52;
  metrics["weight_hr_rho_high"] = 0.3;
  const std::string known = "rank correlation with the rate: w_HR -0.41 [-0.52, +0.30]";
  EXPECT_EQ(words(metrics), " <span class=\"quiet\">(" + known + ")</span>");
  metrics["hr_share"] = 0.125;
  metrics["weight_lr_rho"] = metrics["weight_lr_rho_low"] = metrics["weight_lr_rho_high"] = 1;
  EXPECT_EQ(words(metrics), " <span class=\"quiet\">(" + known +
                                ", w_LR +1.00 [+1.00, +1.00]; the HR branch's share of the distance: 12.5 %)</span>");
}

TEST(Figures, recovered_hr_images_alone_have_a_table_and_no_plot) {
  const std::string html = html_of<RecoveryQuality>("recovery", {{"a", 1, 1, 1, 1, {30, 1}, {98, 1}}});
  EXPECT_THAT(html, Not(HasSubstr("<svg")));
  EXPECT_THAT(html, HasSubstr("<td>30.00</td><td>equal</td><td>–</td>"));
}

TEST(Figures, a_prefix_without_queries_has_no_score) {
  EXPECT_THAT(html_of<PrefixDistances>("prefixes", {{3, 1, 1, 32, 0, {}, pairs_around(4, 9), 0, 0}}),
              HasSubstr("<td>0</td><td>1</td><td>32</td><td>–</td><td>4</td><td>–</td><td>–</td></tr>"));
}

double number(const std::string& svg, const std::string& pattern) {
  std::smatch found;
  EXPECT_TRUE(std::regex_search(svg, found, std::regex(pattern))) << pattern;
  return found.empty() ? 0 : std::stod(found[1]);
}

//! A letter of 11 pixels is about 6 wide.
TEST(Figures, names_of_axes_stand_beside_the_legends_and_below_one_another) {
  for (const auto& rows : {example_prefixes(), std::vector<PrefixDistances>{example_prefixes().back()}}) {
    const std::string svg = html_of("prefixes", rows);
    const double below = number(svg, "y=\"([0-9.]+)\" text-anchor=\"middle\" class=\"quiet\">sub-vectors compared<");
    EXPECT_GE(below, number(svg, "y=\"([0-9.]+)\" text-anchor=\"middle\" class=\"quiet\">rate ") + 12);
    EXPECT_LE(below + 4, number(svg, " height=\"([0-9]+)\""));
    const double end = number(svg, "x=\"([0-9.]+)\" y=\"15.0\" text-anchor=\"end\" class=\"quiet\">squared distance<");
    EXPECT_GE(end - 6 * 16, number(svg, "x=\"([0-9.]+)\" y=\"15.0\" text-anchor=\"start\">others<") + 6 * 6);
    EXPECT_LE(end, number(svg, " width=\"([0-9]+)\""));
  }
  for (int levels = 1; levels <= 4; ++levels) {
    const std::string svg = html_of("masks", example_masks(1, levels));
    const double end = number(svg, "x=\"([0-9.]+)\" y=\"15.0\" text-anchor=\"end\" class=\"quiet\">factor<");
    EXPECT_GE(end - 6 * 6,
              number(svg, fmt::format("x=\"([0-9.]+)\" y=\"15.0\" text-anchor=\"start\">level {}<", levels)) + 6 * 7);
    EXPECT_THAT(svg, HasSubstr(fmt::format("x2=\"{:.1f}\"", end))) << "the axis' lines end there";
  }
}

TEST(Figures, every_level_of_masks_has_a_colour_and_every_block_its_name_below_its_boxes) {
  for (int levels = 1; levels <= 4; ++levels) {
    const std::string svg = html_of("masks", example_masks(16, levels));
    EXPECT_EQ(svg.find("<table>") == std::string::npos, levels == 1);
    const std::vector<DrawnBox> found = drawn_boxes(svg, 10);
    ASSERT_EQ(found.size(), static_cast<std::size_t>(16 * levels));
    std::set<std::string> styles;
    for (int level = 1; level <= levels; ++level) {
      const std::string& style = found[static_cast<std::size_t>(level) - 1].style;
      EXPECT_TRUE(styles.insert(style).second) << levels << " levels: " << style << " twice";
      EXPECT_EQ(found[static_cast<std::size_t>(levels + level) - 1].style, style) << "in every block";
      number(svg, fmt::format(
                      "height=\"10\" class=\"{}\"/>\n<text x=\"([0-9.]+)\" y=\"15.0\" text-anchor=\"start\">level {}<",
                      style, level));
      EXPECT_THAT(box_plot_style(), HasSubstr(".plot ." + style + " {"));
    }
    EXPECT_EQ(found[static_cast<std::size_t>(levels) - 1].style, "hr") << "the highest as HR images elsewhere";
    double before = 0;
    for (std::size_t block = 0; block < 16; ++block) {
      const double name =
          number(svg, fmt::format("<text x=\"([0-9.]+)\" y=\"244.0\" text-anchor=\"middle\">layer3.{}<", block));
      const std::size_t first = block * static_cast<std::size_t>(levels),
                        last = first + static_cast<std::size_t>(levels) - 1;
      EXPECT_NEAR(name, (found[first].x + found[last].x + 10) / 2, 0.11);
      // "layer3.0" is 47 wide at the plot's 11 pixels.
      EXPECT_GE(name - before, 50) << levels << " levels";
      before = name;
    }
    EXPECT_LE(before, 1100) << "a page is 1120 wide";
  }
}

TEST(Figures, a_page_says_how_near_each_decoder_came_under_its_pictures) {
  results::PanelQuery query{"a.png", 1, 2, 4, 1, {{"b.png", 1, 1, true}}, std::nullopt};
  query.reconstruction = {{30, 18.5, 0.25}, {{3, {20, 19.25, 0.375}}, {1, {10, 24.125, 0.625}}}};
  const PanelRow row{"one",      "One <b>", "0123456789abcdef", "", results::Panels{"people", 0, 3, {query}},
                     {{{}, {}}}, {}};
  const std::string html = panel_page_html({"suite", "Title", {{"t", "Table", "people", {row}}}, {}});
  for (const char* part :
       {"<li>LR input: 18.50 dB, SSIM 0.250, off by 30.0 levels</li>",
        "<li>recovered at scale 1/3: 19.25 dB, SSIM 0.375, off by 20.0 levels</li>",
        "<li>recovered at scale 1: 24.12 dB, SSIM 0.625, off by 10.0 levels</li>", "<li>HR original</li>", "Each strip",
        "LR input, recovered at scale 1/3, recovered at scale 1, HR original, by One &lt;b&gt;"})
    EXPECT_THAT(html, HasSubstr(part));
}

}  // namespace
}  // namespace resolute::cli::figures_test
