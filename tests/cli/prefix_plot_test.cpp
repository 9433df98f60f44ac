//! Distances by shared prefixes: boxes of right and of wrong pairs at their percentiles, figures in a table.

#include "cli/prefix_plot.h"

#include <limits>

#include "tests/cli/plot_checks.h"

namespace resolute::cli::prefix_plot_test {
namespace {

using results::PrefixDistances;
using testing::HasSubstr;

//! Half of the pairs between 3/4 and 5/4 of the middle.
results::DistanceSpread pairs_around(double middle, std::int64_t pairs) {
  return {pairs, {{middle / 2, 0.75 * middle, middle, 1.25 * middle, 1.5 * middle}, middle}};
}

//! Rates 2 (level 3) and 4 (level 1): by prefix p right pairs are around 2 p, wrong ones around 4 p.
std::vector<PrefixDistances> example_prefixes() {
  std::vector<PrefixDistances> lines;
  for (const auto& [rate, level] : {std::pair{2, 3}, {4, 1}})
    for (int prefix = 1; prefix <= level; ++prefix)
      lines.push_back({rate, level, prefix, 32 * prefix, 50, pairs_around(2.0 * prefix, 50),
                       pairs_around(4.0 * prefix, 950), 0.25 * prefix, 0.3125 * prefix});
  return lines;
}

TEST(PrefixPlot, boxes_stand_at_the_percentiles_of_their_rate_and_prefix) {
  const std::string svg = prefix_plot_svg(example_prefixes(), "distances");
  const auto same = drawn_boxes(svg, "hr"), others = drawn_boxes(svg, "lr");
  ASSERT_EQ(same.size(), 4U);
  ASSERT_EQ(others.size(), 4U);
  // The highest whisker is at 18: 200 units from 0 (y = 228) to 20 (y = 28).
  const auto y = [](double distance) { return 228 - distance / 20 * 200; };
  for (std::size_t i = 0; i < 4; ++i) {
    const double prefix = i < 3 ? static_cast<double>(i) + 1 : 1;
    EXPECT_NEAR(same[i].y, y(2.5 * prefix), 0.11) << i;
    EXPECT_NEAR(same[i].height, 10 * prefix, 0.11) << i;
    EXPECT_NEAR(others[i].y, y(5 * prefix), 0.11) << i;
    EXPECT_GT(others[i].x, same[i].x + 16) << i;
    if (i > 0) {
      EXPECT_GT(same[i].x, others[i - 1].x + 16) << i;
    }
  }
  EXPECT_THAT(svg, HasSubstr("same identity, rate 2, level 3, sub-vectors 1–2: median 4, half of them 3 to 5, nine of "
                             "ten 2 to 6; 50 pairs"));
  EXPECT_THAT(svg, HasSubstr("others, rate 4, level 1, sub-vectors 1: median 4,"));
  for (const char* label : {">rate 2, level 3<", ">rate 4<", ">1–3<"}) EXPECT_THAT(svg, HasSubstr(label));
  EXPECT_THAT(prefix_plot_svg(example_prefixes(), "\"><script>"), HasSubstr("aria-label=\"&quot;&gt;&lt;script&gt;\""));
}

double number(const std::string& svg, const std::string& pattern) {
  std::smatch found;
  EXPECT_TRUE(std::regex_search(svg, found, std::regex(pattern))) << pattern;
  return found.empty() ? 0 : std::stod(found[1]);
}

TEST(PrefixPlot, both_axes_have_a_name_that_nothing_lies_on) {
  for (const auto& lines : {example_prefixes(), std::vector<PrefixDistances>{example_prefixes().front()}}) {
    const std::string svg = prefix_plot_svg(lines, "");
    const double width = number(svg, " width=\"([0-9]+)\""), height = number(svg, " height=\"([0-9]+)\"");
    const double below = number(svg, "y=\"([0-9.]+)\" text-anchor=\"middle\" class=\"quiet\">sub-vectors compared<");
    EXPECT_GE(below, number(svg, "y=\"([0-9.]+)\" text-anchor=\"middle\" class=\"quiet\">rate 2") + 12);
    EXPECT_LE(below + 4, height);
    // A letter of 11 pixels is about 6 wide.
    const double end = number(svg, "x=\"([0-9.]+)\" y=\"15.0\" text-anchor=\"end\" class=\"quiet\">squared distance<");
    EXPECT_GE(end - 6 * 16, number(svg, "x=\"([0-9.]+)\" y=\"15.0\" text-anchor=\"start\">others<") + 6 * 6);
    EXPECT_LE(end, width);
  }
}

// A reader lets any finite distance pass.
TEST(PrefixPlot, no_distance_leaves_the_picture) {
  for (double most :
       {0.0, std::numeric_limits<double>::denorm_min(), 1e-3, 7.0, 1e300, std::numeric_limits<double>::max()}) {
    PrefixDistances line{2, 1, 1, 32, 1, {1, {{most, most, most, most, most}, most}}, {}, 1, 1};
    const std::string svg = prefix_plot_svg({line}, "");
    expect_within_the_picture(svg, most);
    EXPECT_EQ(drawn_boxes(svg, "lr").size(), 0U) << "no pair of two identities";
  }
}

TEST(PrefixPlot, the_table_names_what_queries_are_compared_by) {
  const std::string html = prefix_table_html(example_prefixes());
  EXPECT_THAT(html, HasSubstr("<tr><td>2</td><td>3</td><td>50</td><td>1–2</td><td>64</td><td>4</td><td>8</td>"
                              "<td>50.0</td><td>62.5</td></tr>"));
  EXPECT_THAT(html, HasSubstr("<tr class=\"used\"><td>2</td><td>3</td><td>50</td><td>1–3</td><td>96</td>"));
  EXPECT_THAT(html, HasSubstr("<tr class=\"used\"><td>4</td><td>1</td><td>50</td><td>1</td><td>32</td>"));
  const std::string none = prefix_table_html({{3, 1, 1, 32, 0, {}, pairs_around(4, 9), 0, 0}});
  EXPECT_THAT(none, HasSubstr("<td>0</td><td>1</td><td>32</td><td>–</td><td>4</td><td>–</td><td>–</td></tr>"));
}

TEST(PrefixPlot, a_page_shows_distances_of_rows_that_have_some) {
  expect_on_a_page("Distance by shared prefix",
                   {"<h3>Distance by shared prefix</h3>", "aria-label=\"Distances of One &lt;b&gt; by shared prefix\"",
                    "<td>1–3</td><td>96</td>"},
                   [](PanelRow& row) { row.prefixes = example_prefixes(); });
}

}  // namespace
}  // namespace resolute::cli::prefix_plot_test
