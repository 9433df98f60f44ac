//! The recovered images of a page: means in a table, boxes where the percentiles are.

#include "cli/recovery_plot.h"

#include "tests/cli/plot_checks.h"

namespace resolute::cli::recovery_plot_test {
namespace {

using results::RecoveryQuality;
using testing::HasSubstr;
using testing::Not;

//! Image i of 0 … 20 is recovered to 20 + i/2 dB at rate 4, 2 dB more at rate 2; enlarged it has 21 and 24 dB. At scale
//! 1/3 everything is at 30 dB, and rate 1 is better than the axis.
std::vector<RecoveryQuality> example_recovery() {
  std::vector<RecoveryQuality> lines;
  for (int i = 0; i <= 20; ++i)
    for (int rate : {1, 2, 4})
      for (int scale : {3, 1}) {
        const float own = 20 + static_cast<float>(i) / 2 + (rate == 2 ? 2 : 0), plain = rate == 2 ? 24 : 21;
        RecoveryQuality line{"a/" + std::to_string(i) + ".png", i, 1, rate, scale, {30, 0.9F}, {30, 0.8F}};
        if (scale == 1 && rate > 1) line.recovered.psnr = own, line.enlarged.psnr = plain;
        if (rate == 1) line.enlarged.psnr = 98;
        lines.push_back(line);
      }
  return lines;
}

TEST(RecoveryPlot, boxes_stand_at_the_percentiles_of_their_rate) {
  const std::string svg = recovery_plot_svg(example_recovery(), "psnr");
  const auto recovered = drawn_boxes(svg, "hr"), enlarged = drawn_boxes(svg, "lr");
  ASSERT_EQ(recovered.size(), 2U);
  ASSERT_EQ(enlarged.size(), 2U);
  // Whiskers from 20.5 to 31.5 dB: 200 units from 20 dB (y = 228) to 35 (y = 28).
  const auto y = [](double psnr) { return 228 - (psnr - 20) / 15 * 200; };
  EXPECT_NEAR(recovered[0].y, y(29.5), 0.11);
  EXPECT_NEAR(recovered[0].height, 5.0 / 15 * 200, 0.11);
  EXPECT_NEAR(recovered[1].y, y(27.5), 0.11);
  EXPECT_NEAR(enlarged[0].y, y(24), 0.11);
  EXPECT_NEAR(enlarged[1].y, y(21), 0.11);
  EXPECT_THAT(svg, HasSubstr("recovered, rate 4: median 25, half of them 22.5 to 27.5, nine of ten 20.5 to 29.5; 21"));
  EXPECT_THAT(svg, Not(HasSubstr("rate 1:")));
  EXPECT_THAT(recovery_plot_svg(example_recovery(), "\"><script>"),
              HasSubstr("aria-label=\"&quot;&gt;&lt;script&gt;\""));
}

TEST(RecoveryPlot, no_figure_leaves_the_picture) {
  for (float most : {0.0F, 5.0F, 98.0F, static_cast<float>(results::kMostPsnr), 1.0F}) {
    const float least = most == 1.0F ? most : 0.0F;  // the last time both the same
    expect_within_the_picture(recovery_plot_svg({{"a", 1, 1, 2, 1, {most, 1}, {least, 0}}}, ""), most);
  }
}

TEST(RecoveryPlot, the_table_has_a_line_for_each_rate_and_scale) {
  const std::string html = recovery_table_html(example_recovery());
  const auto rate1 = html.find("<tr><td>1</td><td>1/3</td><td>21</td>"),
             rate4 = html.find("<tr><td>4</td><td>1/3</td><td>21</td><td>30.00</td><td>30.00</td><td>+0.00</td>"),
             last = html.find(
                 "<tr><td>4</td><td>1</td><td>21</td><td>25.00</td><td>21.00</td><td>+4.00</td>"
                 "<td>0.900</td><td>0.800</td></tr>");
  EXPECT_LT(rate1, rate4);
  EXPECT_LT(rate4, last);
  EXPECT_NE(last, std::string::npos) << html;
}

TEST(RecoveryPlot, a_sample_of_hr_images_alone_has_a_table_and_no_plot) {
  const std::vector<RecoveryQuality> lines{{"a", 1, 1, 1, 1, {30, 1}, {98, 1}}};
  EXPECT_EQ(recovery_plot_svg(lines, ""), "");
  EXPECT_THAT(recovery_table_html(lines), HasSubstr("<td>30.00</td><td>equal</td><td>–</td>"));
}

TEST(RecoveryPlot, a_page_shows_recovered_images_and_every_scales_figures_under_its_pictures) {
  results::PanelQuery query{"a.png", 1, 2, 4, 1, {{"b.png", 1, 1, true}}, std::nullopt};
  query.reconstruction = {{30, 18.5, 0.25}, {{3, {20, 19.25, 0.375}}, {1, {10, 24.125, 0.625}}}};
  expect_on_a_page("Recovered images",
                   {"<h3>Recovered images</h3>", "PSNR of images recovered by One &lt;b&gt; by rate",
                    "<li>LR input: 18.50 dB, SSIM 0.250, off by 30.0 levels</li>",
                    "<li>recovered at scale 1/3: 19.25 dB, SSIM 0.375, off by 20.0 levels</li>",
                    "<li>recovered at scale 1: 24.12 dB, SSIM 0.625, off by 10.0 levels</li>", "<li>HR original</li>",
                    "LR input, recovered at scale 1/3, recovered at scale 1, HR original, by One &lt;b&gt;"},
                   [&](PanelRow& row) {
                     row.panels = results::Panels{"people", 0, 3, {query}};
                     row.pictures = {{{}, {}}};
                     row.recovery = example_recovery();
                   });
}

}  // namespace
}  // namespace resolute::cli::recovery_plot_test
