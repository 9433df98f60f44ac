#include "cli/page/utilisation_plot.h"

#include <gtest/gtest.h>

namespace resolute::tests::utilisation_plot_test {
namespace {

orchestrator::SimulationReport half_used() {
  orchestrator::SimulationReport report;
  report.workload = "a <suite>";
  report.makespan_hours = 3;
  report.span_hours = 2;  // the last span ends behind the makespan
  report.utilisation = {{0, 1, 0.5}, {2, 0.75, 0.25}};
  return report;
}

TEST(UtilisationPlot, draws_what_was_there_and_what_was_used_within_the_picture) {
  const std::string svg = cli::utilisation_svg(half_used());
  EXPECT_TRUE(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
  // 0 to 100 per cent are y 228 to 28; 0 to 3 hours are x 44 to 684.
  EXPECT_NE(svg.find("points=\"44.0,228.0 44.0,128.0 470.7,128.0 470.7,178.0 684.0,178.0 684.0,228.0\""),
            std::string::npos)
      << svg;
  EXPECT_NE(svg.find("points=\"44.0,28.0 470.7,28.0 470.7,78.0 684.0,78.0\""), std::string::npos) << svg;
}

TEST(UtilisationPlot, escapes_a_name_and_survives_a_simulation_without_time) {
  EXPECT_NE(cli::utilisation_svg(half_used()).find("a &lt;suite&gt;"), std::string::npos);
  const std::string svg = cli::utilisation_svg({});
  EXPECT_TRUE(svg.ends_with("</svg>\n"));
  EXPECT_EQ(svg.find("nan"), std::string::npos);
}

}  // namespace
}  // namespace resolute::tests::utilisation_plot_test
