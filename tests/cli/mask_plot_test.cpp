//! The masks of a page: a box for each block and level where its percentiles are, in the level's colour.

#include "cli/mask_plot.h"

#include <set>

#include "cli/box_plot.h"
#include "tests/cli/plot_checks.h"

namespace resolute::cli::mask_plot_test {
namespace {

using results::MaskSpread;
using testing::HasSubstr;
using testing::Not;

//! Block b, level k of m: half of the channels between 0.1 (b + k) - 0.05 and 0.1 (b + k) + 0.05.
std::vector<MaskSpread> example_masks(int blocks, int levels) {
  std::vector<MaskSpread> lines;
  for (int block = 0; block < blocks; ++block)
    for (int level = 1; level <= levels; ++level) {
      const double middle = 0.1 * (block + level);
      lines.push_back({"layer3." + std::to_string(block),
                       level,
                       128,
                       {{middle - 0.08, middle - 0.05, middle, middle + 0.05, middle + 0.08}, middle},
                       0.125 * (levels - level)});
    }
  return lines;
}

constexpr int kBoxWidth = 10;

std::string legend(const std::string& style, const std::string& name) {
  return "height=\"10\" class=\"" + style + "\"/>\n<text x=\"[0-9.]+\" y=\"15.0\" text-anchor=\"start\">" + name + "<";
}

TEST(MaskPlot, boxes_stand_at_the_percentiles_of_their_block_and_level) {
  const std::string svg = mask_plot_svg(example_masks(3, 4), "masks");
  const std::vector<DrawnBox> found = drawn_boxes(svg, "", kBoxWidth);
  ASSERT_EQ(found.size(), 12U);
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double middle = 0.1 * static_cast<double>(i / 4 + i % 4 + 1);
    // 200 units from 0 (y = 228) to 1 (y = 28).
    EXPECT_NEAR(found[i].y, 228 - 200 * (middle + 0.05), 0.11) << i;
    EXPECT_NEAR(found[i].height, 20, 0.11) << i;
    if (i > 0) {
      EXPECT_GT(found[i].x, found[i - 1].x + 10) << "boxes stand side by side: " << i;
    }
  }
  EXPECT_THAT(svg, HasSubstr("layer3.1, level 4: median 0.5, half of them 0.45 to 0.55, nine of ten 0.42 to 0.58; 128 "
                             "channels"));
  for (const char* block : {">layer3.0<", ">layer3.1<", ">layer3.2<"}) EXPECT_THAT(svg, HasSubstr(block));
  EXPECT_THAT(mask_plot_svg(example_masks(1, 2), "\"><script>"), HasSubstr("aria-label=\"&quot;&gt;&lt;script&gt;\""));
}

TEST(MaskPlot, every_level_has_a_colour_of_its_own_that_the_page_defines) {
  for (int levels = 1; levels <= 4; ++levels) {
    const std::string svg = mask_plot_svg(example_masks(2, levels), "");
    const std::vector<DrawnBox> found = drawn_boxes(svg, "", kBoxWidth);
    ASSERT_EQ(found.size(), static_cast<std::size_t>(2 * levels));
    std::set<std::string> styles;
    for (int level = 1; level <= levels; ++level) {
      const std::string& style = found[static_cast<std::size_t>(level) - 1].style;
      EXPECT_TRUE(styles.insert(style).second) << levels << " levels: " << style << " twice";
      EXPECT_EQ(found[static_cast<std::size_t>(levels + level) - 1].style, style) << "in both blocks";
      EXPECT_TRUE(std::regex_search(svg, std::regex(legend(style, "level " + std::to_string(level))))) << style;
      EXPECT_THAT(box_plot_style(), HasSubstr(".plot ." + style + " {"));
    }
    EXPECT_EQ(found[static_cast<std::size_t>(levels) - 1].style, "hr") << "the highest as HR images elsewhere";
  }
}

TEST(MaskPlot, names_of_blocks_stand_below_their_boxes_and_not_in_one_another) {
  for (int levels = 1; levels <= 4; ++levels) {
    const std::string svg = mask_plot_svg(example_masks(16, levels), "");
    const std::vector<DrawnBox> found = drawn_boxes(svg, "", kBoxWidth);
    const std::regex label("<text x=\"([0-9.]+)\" y=\"244.0\" text-anchor=\"middle\">layer3");
    std::vector<double> names;
    for (std::sregex_iterator at(svg.begin(), svg.end(), label), end; at != end; ++at)
      names.push_back(std::stod((*at)[1]));
    ASSERT_EQ(names.size(), 16U);
    for (std::size_t i = 0; i < names.size(); ++i) {
      const auto first = i * static_cast<std::size_t>(levels), last = first + static_cast<std::size_t>(levels) - 1;
      EXPECT_NEAR(names[i], (found[first].x + found[last].x + 10) / 2, 0.11);
      // "layer3.0" is 47 wide at the plot's 11 pixels.
      EXPECT_GE(i == 0 ? 50 : names[i] - names[i - 1], 50) << levels << " levels";
    }
    EXPECT_LE(names.back(), 1100) << "a page is 1120 wide";
  }
}

TEST(MaskPlot, the_axis_has_a_name_beside_the_legends) {
  for (int levels = 1; levels <= 4; ++levels) {
    const std::string svg = mask_plot_svg(example_masks(1, levels), "");
    std::smatch name, last;
    ASSERT_TRUE(std::regex_search(
        svg, name, std::regex("x=\"([0-9.]+)\" y=\"15.0\" text-anchor=\"end\" class=\"quiet\">factor<")));
    ASSERT_TRUE(std::regex_search(
        svg, last,
        std::regex("x=\"([0-9.]+)\" y=\"15.0\" text-anchor=\"start\">level " + std::to_string(levels) + "<")));
    // A letter of 11 pixels is about 6 wide.
    EXPECT_GE(std::stod(name[1]) - 6 * 6, std::stod(last[1]) + 6 * 7) << levels;
    // The axis' lines end there.
    EXPECT_THAT(svg, HasSubstr("x2=\"" + std::string(name[1]) + "\""));
  }
}

TEST(MaskPlot, values_at_both_ends_stay_in_the_picture) {
  const std::vector<MaskSpread> lines{{"layer1", 1, 1, {{0, 0, 0, 0, 0}, 0}, 1},
                                      {"layer1", 2, 1, {{1, 1, 1, 1, 1}, 1}, 0}};
  const std::vector<DrawnBox> found = drawn_boxes(mask_plot_svg(lines, ""), "", kBoxWidth);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_NEAR(found[0].y, 228, 0.11);
  EXPECT_NEAR(found[1].y, 28, 0.11);
}

TEST(MaskPlot, the_table_has_a_line_a_block_and_a_column_a_lower_level) {
  const std::string html = mask_table_html(example_masks(2, 3));
  EXPECT_THAT(html, HasSubstr("<th>level 1 to 3</th><th>level 2 to 3</th></tr>"));
  EXPECT_THAT(html, HasSubstr("<tr><td>layer3.0</td><td>128</td><td>0.250</td><td>0.125</td></tr>"));
  EXPECT_THAT(html, HasSubstr("<tr><td>layer3.1</td><td>128</td><td>0.250</td><td>0.125</td></tr>"));
  EXPECT_THAT(html, Not(HasSubstr("0.000")));
  EXPECT_EQ(mask_table_html(example_masks(2, 1)), "");
}

TEST(MaskPlot, a_page_shows_masks_of_rows_that_have_some) {
  expect_on_a_page("<h3>Masks</h3>",
                   {"aria-label=\"Mask values of One &lt;b&gt; by block and level\"", "<td>layer3.3</td><td>128</td>"},
                   [](PanelRow& row) { row.masks = example_masks(4, 3); });
}

}  // namespace
}  // namespace resolute::cli::mask_plot_test
