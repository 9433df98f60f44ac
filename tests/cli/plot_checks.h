#pragma once
//! \file
//! What is asked of every plot of a page.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <regex>
#include <string>
#include <vector>

#include "cli/panel_page.h"

namespace resolute::cli {

struct DrawnBox {
  double x, y, height;
  std::string style;
};

//! Boxes of a kind from left to right, the legend's left out. \param style "hr", "lr"; empty: all
inline std::vector<DrawnBox> drawn_boxes(const std::string& svg, const std::string& style, int width = 16) {
  const std::regex box(
      fmt::format("<rect x=\"([0-9.]+)\" y=\"([0-9.]+)\" width=\"{}.0\" height=\"([0-9.]+)\" class=\"([a-z]+)", width));
  std::vector<DrawnBox> found;
  for (std::sregex_iterator at(svg.begin(), svg.end(), box), end; at != end; ++at)
    if (style.empty() || (*at)[4] == style)
      found.push_back({std::stod((*at)[1]), std::stod((*at)[2]), std::stod((*at)[3]), (*at)[4]});
  return found;
}

//! Of a plot whose one value of a kind, or several, is an extreme.
inline void expect_within_the_picture(const std::string& svg, double extreme) {
  for (const char* never : {"nan", "inf"}) EXPECT_THAT(svg, testing::Not(testing::HasSubstr(never))) << extreme;
  EXPECT_EQ(drawn_boxes(svg, "hr").size(), 1U) << extreme;
  for (const DrawnBox& box : drawn_boxes(svg, "")) {
    EXPECT_GE(box.y, 24) << extreme;
    EXPECT_LE(box.y, 228) << extreme;
    EXPECT_LE(box.y + box.height, 228.1) << extreme;
  }
}

//! A page is one file, and no text of its rows is markup.
inline void expect_nothing_from_elsewhere(const std::string& html) {
  for (const char* never : {"<b>", "<script", "http://", "https://", "url(", "@import"})
    EXPECT_THAT(html, testing::Not(testing::HasSubstr(never)));
}

//! `heading` and `shown` stand on a page where `fill` has given row "One <b>" something to show, and there alone.
inline void expect_on_a_page(const char* heading, const std::vector<const char*>& shown,
                             const std::function<void(PanelRow&)>& fill) {
  const PanelRow row{"one", "One <b>", "0123456789abcdef", "", std::nullopt, {}, {}, {}, {}};
  PanelPage page{"suite", "Title", {{"t", "Table", "people", {row, row}}}, {}};
  EXPECT_THAT(panel_page_html(page), testing::Not(testing::HasSubstr(heading)));
  PanelRow& filled = page.sections[0].rows[1];
  fill(filled);
  const std::string html = panel_page_html(page);
  EXPECT_THAT(html, testing::HasSubstr(heading));
  for (const char* part : shown) EXPECT_THAT(html, testing::HasSubstr(part));
  expect_nothing_from_elsewhere(html);
  // Its panels do not make it one.
  filled.weights.clear(), filled.recovery.clear(), filled.masks.clear(), filled.prefixes.clear();
  EXPECT_THAT(panel_page_html(page), testing::Not(testing::HasSubstr(heading)));
}

}  // namespace resolute::cli
