//! The picture of weights against rate: its boxes stand where the weights' percentiles are, and no text leaves its
//! place.

#include "cli/weight_plot.h"

#include <limits>

#include "tests/cli/plot_checks.h"

namespace resolute::cli::weight_plot_test {
namespace {

using results::BranchWeights;
using testing::HasSubstr;

//! Image i of 0 … 20 has w_HR = 1 - i/20 at rate 2, a half of that at rate 4, and w_LR = 0.8; 0.9 on the high side.
std::vector<BranchWeights> example_weights() {
  std::vector<BranchWeights> weights;
  for (int i = 0; i <= 20; ++i) {
    const std::string path = "a/" + std::to_string(i) + ".png";
    weights.push_back({path, i, 1, false, 1, 0.9F, std::nullopt});
    for (int rate : {4, 2})
      weights.push_back(
          {path, i, 1, true, rate, (1 - static_cast<float>(i) / 20) * 2 / static_cast<float>(rate), 0.8F});
  }
  return weights;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST(WeightPlot, boxes_stand_at_the_percentiles_of_their_rate) {
  const std::string svg = weight_plot_svg(example_weights(), "weights");
  const std::vector<DrawnBox> hr = drawn_boxes(svg, "hr"), lr = drawn_boxes(svg, "lr");
  ASSERT_EQ(hr.size(), 3U);  // the high side, rates 2 and 4
  ASSERT_EQ(lr.size(), 2U);
  // 200 units from 0 (y = 228) to 1 (y = 28).
  EXPECT_NEAR(hr[0].y, 228 - 0.9 * 200, 0.11);
  EXPECT_NEAR(hr[0].height, 0, 0.11);
  EXPECT_NEAR(hr[1].y, 228 - 0.75 * 200, 0.11);
  EXPECT_NEAR(hr[1].height, 0.5 * 200, 0.11);
  EXPECT_NEAR(hr[2].y, 228 - 0.375 * 200, 0.11);
  EXPECT_NEAR(hr[2].height, 0.25 * 200, 0.11);
  for (const DrawnBox& box : lr) EXPECT_NEAR(box.y, 228 - 0.8 * 200, 0.11);
  EXPECT_THAT(svg, HasSubstr("w_HR, high side: median 0.9,"));
  EXPECT_THAT(svg,
              HasSubstr("w_HR, rate 2: median 0.5, half of them 0.25 to 0.75, nine of ten 0.05 to 0.95; 21 images"));
  EXPECT_THAT(svg, HasSubstr("w_LR, rate 4: median 0.8,"));
}

TEST(WeightPlot, the_order_of_the_lines_changes_nothing) {
  auto weights = example_weights();
  const std::string svg = weight_plot_svg(weights, "weights");
  std::reverse(weights.begin(), weights.end());
  EXPECT_EQ(svg, weight_plot_svg(weights, "weights"));
}

TEST(WeightPlot, one_side_or_one_image_alone_is_drawn_too) {
  const BranchWeights high{"a", 1, 1, false, 1, 0.5F, std::nullopt}, low{"a", 1, 1, true, 3, 0.5F, 0.25F};
  EXPECT_EQ(drawn_boxes(weight_plot_svg({high}, ""), "hr").size(), 1U);
  EXPECT_THAT(weight_plot_svg({high}, ""), testing::Not(HasSubstr("low side")));
  EXPECT_EQ(drawn_boxes(weight_plot_svg({low}, ""), "lr").size(), 1U);
  EXPECT_THAT(weight_plot_svg({low}, ""), testing::Not(HasSubstr("high side")));
}

// A reader lets any positive float pass.
TEST(WeightPlot, no_weight_leaves_the_picture) {
  for (float most : {std::numeric_limits<float>::denorm_min(), 1.001F, 7.0F, std::numeric_limits<float>::max()})
    expect_within_the_picture(weight_plot_svg({{"a", 1, 1, true, 2, most, 1e-3F}}, ""), most);
  EXPECT_THAT(weight_plot_svg({{"a", 1, 1, true, 2, 7, 1}}, ""), HasSubstr(">10</text>"));
}

TEST(WeightPlot, its_description_is_escaped) {
  EXPECT_THAT(weight_plot_svg(example_weights(), "\"><script>"), HasSubstr("aria-label=\"&quot;&gt;&lt;script&gt;\""));
}

TEST(WeightPlot, metrics_are_said_as_far_as_they_are_there) {
  std::map<std::string, double> metrics{{"mAP", 0.5}};
  EXPECT_EQ(weight_metrics_text(weight_metrics(metrics)), "");
  metrics["weight_hr_rho"] = -0.414;
  EXPECT_EQ(weight_metrics_text(weight_metrics(metrics)), "");
  metrics["weight_hr_rho_low"] = -0.52;
  metrics["weight_hr_rho_high"] = 0.3;
  EXPECT_EQ(weight_metrics_text(weight_metrics(metrics)), "rank correlation with the rate: w_HR -0.41 [-0.52, +0.30]");
  metrics["hr_share"] = 0.125;
  metrics["weight_lr_rho"] = metrics["weight_lr_rho_low"] = metrics["weight_lr_rho_high"] = 1;
  EXPECT_EQ(weight_metrics_text(weight_metrics(metrics)),
            "rank correlation with the rate: w_HR -0.41 [-0.52, +0.30], w_LR +1.00 [+1.00, +1.00]; the HR branch's "
            "share of the distance: 12.5 %");
}

TEST(WeightPlot, a_page_has_one_a_row_that_has_weights_and_nothing_from_elsewhere) {
  const auto row = [](const std::string& id, const std::string& missing, std::vector<BranchWeights> weights) {
    return PanelRow{id, id + " <b>", "0123456789abcdef", missing, std::nullopt, {}, std::move(weights), {}, {}};
  };
  const PanelPage page{"suite",
                       "Title",
                       {{"t",
                         "Table",
                         "people",
                         {row("one", "", example_weights()), row("two", "not evaluated yet", {}),
                          row("three", "its evaluation left no panels", example_weights())}}},
                       {}};
  const std::string html = panel_page_html(page);
  EXPECT_EQ(count(html, "<svg "), 2U);
  EXPECT_EQ(count(html, "</svg>"), 2U);
  EXPECT_THAT(html, HasSubstr("aria-label=\"Weights of three &lt;b&gt; by rate\""));
  EXPECT_THAT(html, HasSubstr("two &lt;b&gt;: not evaluated yet."));
  EXPECT_THAT(html, testing::Not(HasSubstr("Each strip")));
  expect_nothing_from_elsewhere(html);
  expect_on_a_page("Weights against rate", {"aria-label=\"Weights of One &lt;b&gt; by rate\""},
                   [](PanelRow& one) { one.weights = example_weights(); });
}

}  // namespace
}  // namespace resolute::cli::weight_plot_test
