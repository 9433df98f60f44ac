// Figures as files: real gnuplot draws them, the same bytes each time, whatever stands in their texts.

#include "cli/figures/figure_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <thread>

#include "cli/figures/gnuplot_script.h"
#include "core/error.h"
#include "core/process/process.h"
#include "tests/cli/figures/example_figures.h"
#include "tests/support/matches.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/wait.h"

namespace resolute::cli::figures_test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::map<std::string, std::string> contents(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file())
      files[fs::relative(entry.path(), folder).string()] = core::read_text(core::real_file_system(), entry.path());
  return files;
}

class FigureFilesTest : public testing::Test {
 protected:
  std::map<std::string, std::string> written(const std::string& name, const std::vector<Figure>& figures) {
    write_figures(core::real_file_system(), figures, folder_ / name);
    return contents(folder_ / name);
  }
  tests::TemporaryFolder folder_;
};

TEST_F(FigureFilesTest, each_figure_has_numbers_and_pictures_for_one_column_and_two_the_same_again) {
  const auto first = written("first", example_figures());
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // a PDF's date has seconds
  EXPECT_EQ(first, written("second", example_figures()));
  EXPECT_EQ(first.size(), 1 + 8 + 7 * 4U);
  for (const char* id : {"lines", "curves", "bars", "boxes", "points", "one-point", "losses"})
    for (const PaperWidth width : {PaperWidth::kOneColumn, PaperWidth::kTwoColumns}) {
      const std::string stem = std::string(settings::word(width)) + "/" + id;
      EXPECT_THAT(first.at(stem + ".pdf"), StartsWith("%PDF-"));
      EXPECT_THAT(first.at(stem + ".pdf"), HasSubstr("%%EOF"));
      EXPECT_THAT(first.at(stem + ".svg"), StartsWith("<?xml"));
      EXPECT_THAT(first.at(stem + ".svg"), HasSubstr("</svg>"));
      const auto found = tests::matches(first.at(stem + ".svg"), "<svg[^>]*width=\"([0-9.]+)\"");
      ASSERT_FALSE(found.empty()) << stem;
      EXPECT_NEAR(std::stod(found[0][1]) / 96, inches(width), 0.01) << stem;
    }
  EXPECT_FALSE(first.contains("one-column/nothing.pdf")) << "no points, no picture";
  EXPECT_TRUE(first.contains("csv/nothing.csv"));
  const core::Json json = core::parse_json(first.at("figures.json"), "figures.json");
  EXPECT_EQ(json.at("figures").at(0), to_json(lines()));
}

TEST_F(FigureFilesTest, texts_stand_in_a_picture_as_they_are) {
  const auto files = written("out", {lines(), bars()});
  for (const char* part : {"a_b^{c}", "&lt;i>", "`id`", "$(id)", "@x", "%s", "\\n", "100 %", "é", "λ"})
    EXPECT_THAT(files.at("two-columns/lines.svg"), HasSubstr(part)) << "in the key";
  // In lines, and a sign in words that gnuplot would take for a format.
  for (const char* part : {"a_b^{c}", "&lt;i>", "`id`", "$(id)", "@x", "per cents", "\\n", "100 per", "é", "λ"})
    EXPECT_THAT(files.at("two-columns/bars.svg"), HasSubstr(part)) << "on the axis";
}

// Corners of the filled boxes of a picture, by their colour: what a bar is long.
TEST_F(FigureFilesTest, bars_are_as_long_as_their_values) {
  Figure figure = bars();
  figure.series.resize(1);
  figure.series[0].points = {{.x = 0, .y = 20}, {.x = 1, .y = 80}, {.x = 2, .y = 40}};
  const std::string svg = written("out", {figure}).at("two-columns/bars.svg");
  std::vector<double> lengths;
  for (const auto& box :
       tests::matches(svg, "<polygon[^>]*points *= *['\"]([0-9.]+),[0-9.]+ [0-9.]+,[0-9.]+ ([0-9.]+),"))
    if (const double length = std::abs(std::stod(box[2]) - std::stod(box[1])); length > 0) lengths.push_back(length);
  ASSERT_EQ(lengths.size(), 3U) << svg;
  EXPECT_NEAR(lengths[1] / lengths[0], 4, 0.05);
  EXPECT_NEAR(lengths[2] / lengths[0], 2, 0.05);
}

TEST_F(FigureFilesTest, a_figure_of_a_stand_in_says_so_in_red) {
  Figure made_up = lines();
  made_up.stand_in = true;
  const auto marked = written("marked", {made_up}), plain = written("plain", {lines()});
  for (const PaperWidth width : {PaperWidth::kOneColumn, PaperWidth::kTwoColumns}) {
    const std::string svg = std::string(settings::word(width)) + "/lines.svg";
    EXPECT_THAT(marked.at(svg), HasSubstr("stand-in, not the real data"));
    EXPECT_FALSE(tests::matches(marked.at(svg), "fill=\"rgb\\( *179, *38, *30\\)\"").empty()) << marked.at(svg);
    EXPECT_THAT(plain.at(svg), testing::Not(HasSubstr("stand-in")));
  }
  EXPECT_THAT(marked.at("figures.json"), HasSubstr("\"stand_in\""));
}

TEST_F(FigureFilesTest, where_something_stands_or_gnuplot_fails_nothing_is_made) {
  fs::create_directories(folder_ / "full/of");
  EXPECT_THROW(write_figures(core::real_file_system(), {lines()}, folder_ / "full"), core::RuntimeError);
  const fs::path fake = folder_ / "bin/gnuplot";
  core::write_atomic(core::real_file_system(), fake, std::string_view("#!/bin/sh\necho 'no font' >&2\nexit 1\n"));
  fs::permissions(fake, fs::perms::owner_all);
  const std::string path = core::variable_in(core::current_environment(), "PATH");
  ::setenv("PATH", fake.parent_path().c_str(), 1);
  std::string said;
  try {
    write_figures(core::real_file_system(), {lines()}, folder_ / "out");
  } catch (const core::RuntimeError& error) {
    said = error.what();
  }
  ::setenv("PATH", path.c_str(), 1);
  EXPECT_THAT(said, HasSubstr("gnuplot did not draw figure 'lines' (no font"));
  EXPECT_FALSE(fs::exists(folder_ / "out"));
}

TEST(FigureCsv, has_a_row_for_each_point_and_the_columns_that_its_points_have) {
  EXPECT_EQ(figure_csv(bars()),
            "series,x,rank-1 (%),low end,high end\n"
            "people,Baseline,40,38,43\n"
            "people,RAIN with six levels and a long name,80,78,81\n"
            "people,\"a_b^{c} & <i>, \"\"q\"\" 'r' `id` $(id) @x %s \\n 100 % é λ\",,,\n"
            "\"people, in the paper\",Baseline,42.5,,\n"
            "\"people, in the paper\",RAIN with six levels and a long name,78,,\n"
            "\"people, in the paper\",\"a_b^{c} & <i>, \"\"q\"\" 'r' `id` $(id) @x %s \\n 100 % é λ\",50,,\n"
            "vehicles,Baseline,20,,\n"
            "vehicles,RAIN with six levels and a long name,60,,\n"
            "vehicles,\"a_b^{c} & <i>, \"\"q\"\" 'r' `id` $(id) @x %s \\n 100 % é λ\",10,,\n");
  EXPECT_THAT(figure_csv(curves()), StartsWith("series,trial,step,loss\nrow 0,0,0,3\nrow 0,0,10,2.72727\n"));
  EXPECT_THAT(figure_csv(boxes()),
              StartsWith("series,side,weight,low end,high end,q1,q3\nw_HR,high side,0.5,0.1,0.9,0.3,0.6\n"));
  EXPECT_THAT(figure_csv(points()), StartsWith("series,x,y,what\nidentity 0,0,0,an image\n"));
}

// What gnuplot itself reads of a quoted text.
TEST(GnuplotText, is_read_as_it_was_written) {
  tests::TemporaryFolder folder;
  std::string all = kHostile;
  for (char c = 0x20; c < 0x7f; ++c) all += c;
  core::write_atomic(core::real_file_system(), folder / "say.gp", "print " + gnuplot_text(all) + "\n");
  const auto output = core::run_command(
      {.arguments = {"gnuplot", "-d", (folder / "say.gp").string()}, .environment = core::current_environment()},
      tests::kPatience);
  EXPECT_EQ(output.err, all + "\n");
  EXPECT_EQ(gnuplot_text("a\nb\tc\x7f"), "\"a\\nb\\040c\\040\"");
}

}  // namespace
}  // namespace resolute::cli::figures_test
