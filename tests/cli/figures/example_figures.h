#pragma once
//! \file
//! A figure of each kind, with everything that a figure of that kind may have.

#include <vector>

#include "cli/report/figure.h"

namespace resolute::cli::figures_test {

// What gnuplot, XML and CSV give a meaning to.
inline const char* const kHostile = "a_b^{c} & <i>, \"q\" 'r' `id` $(id) @x %s \\n 100 % é λ";

inline Figure lines() {
  Figure figure{.id = "lines", .kind = FigureKind::kLines, .title = "Lines", .x = {"rank"}, .y = {"rate (%)", 0, 100}};
  for (const char* name : {"Baseline", kHostile}) {
    FigureSeries series{name};
    for (int x = 1; x <= 12; ++x) {
      const double y = 40 + 4 * x + (name == kHostile ? 5 : 0);
      series.points.push_back({.x = static_cast<double>(x), .y = y, .low = y - 2, .high = y + 2.5});
    }
    figure.series.push_back(series);
  }
  figure.series[0].points[5].y.reset();
  return figure;
}

inline Figure curves() {
  Figure figure{
      .id = "curves", .section = FigureSection::kCurves, .kind = FigureKind::kLines, .x = {"step"}, .y = {"loss"}};
  for (int row = 0; row < 10; ++row)
    for (int trial = 0; trial < 2; ++trial) {
      FigureSeries series{.name = "row " + std::to_string(row), .trial = trial};
      for (int x = 0; x < 60; ++x)
        series.points.push_back({.x = x * 10.0, .y = 3.0 / (1 + 0.1 * x) + 0.1 * row + 0.02 * trial});
      figure.series.push_back(series);
    }
  return figure;
}

inline Figure bars() {
  Figure figure{.id = "bars",
                .kind = FigureKind::kBars,
                .x = {"", {}, {}, {"Baseline", "RAIN with six levels and a long name", kHostile}},
                .y = {"rank-1 (%)"}};
  figure.series = {
      {"people", {{.x = 0, .y = 40, .low = 38, .high = 43}, {.x = 1, .y = 80, .low = 78, .high = 81}, {.x = 2}}},
      {"people, in the paper", {{.x = 0, .y = 42.5}, {.x = 1, .y = 78}, {.x = 2, .y = 50}}, true},
      {"vehicles", {{.x = 0, .y = 20}, {.x = 1, .y = 60}, {.x = 2, .y = 10}}}};
  return figure;
}

inline Figure boxes() {
  Figure figure{.id = "boxes",
                .section = FigureSection::kWeights,
                .kind = FigureKind::kBoxes,
                .x = {"side", {}, {}, {"high side", "low side, rate 2"}},
                .y = {"weight"}};
  for (const char* name : {"w_HR", "w_LR"})
    figure.series.push_back({name,
                             {box_point(0, {.low = 0.1, .q1 = 0.3, .median = 0.5, .q3 = 0.6, .high = 0.9}),
                              box_point(1, {.low = 0.2, .q1 = 0.4, .median = 0.45, .q3 = 0.5, .high = 0.7})}});
  return figure;
}

inline Figure points() {
  Figure figure{.id = "points", .section = FigureSection::kMaps, .kind = FigureKind::kPoints};
  for (int person = 0; person < 16; ++person) {
    FigureSeries series{"identity " + std::to_string(person)};
    for (int i = 0; i < 4; ++i)
      series.points.push_back({.x = person % 4 + 0.1 * i, .y = person / 4 + 0.07 * (i % 2), .text = "an image"});
    figure.series.push_back(series);
  }
  return figure;
}

inline Figure nothing() { return {.id = "nothing", .title = "Nothing yet", .series = {{"Baseline", {{.x = 1}}}}}; }

// One point, of one of two series.
inline Figure one_point() {
  return {.id = "one-point", .x = {"rate"}, .y = {"rank-1"}, .series = {{"RAIN"}, {"Baseline", {{.x = 2, .y = 50}}}}};
}

inline Figure losses() {
  return {.id = "losses",
          .kind = FigureKind::kBars,
          .x = {"", {}, {}, {"RAIN"}},
          .y = {"difference"},
          .series = {{"people", {{.x = 0, .y = -3, .low = -5, .high = 1}}}}};
}

inline std::vector<Figure> example_figures() {
  return {lines(), curves(), bars(), boxes(), points(), one_point(), losses(), nothing()};
}

}  // namespace resolute::cli::figures_test
