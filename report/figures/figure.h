#pragma once
//! \file
//! A figure as a value: numbers with their axes and words, whoever draws them (docs/inside/formats/report.md,
//! `figures`).

#include <optional>
#include <string>
#include <vector>

#include "core/files/json.h"
#include "settings/choice.h"

namespace resolute::report {

//! Version of the report's document, and of figures.json, which has a part of it.
inline constexpr int kReportSchema = 1;

//! The places of figures, in the order of the page.
enum class FigureSection { kAblations, kCmc, kRates, kSweeps, kCurves, kMaps, kRecovery, kWeights, kMasks, kPrefixes };
constexpr auto words_of(FigureSection) {
  return settings::words("ablations", "cmc", "rates", "sweeps", "curves", "maps", "recovery", "weights", "masks",
                         "prefixes");
}

enum class FigureKind { kLines, kBars, kBoxes, kPoints };
constexpr auto words_of(FigureKind) { return settings::words("lines", "bars", "boxes", "points"); }

struct FigureAxis {
  std::string title{};
  std::optional<double> from{}, to{};     //!< ends; nothing: as the numbers ask for
  std::vector<std::string> categories{};  //!< whose places are numbers on the axis; empty: a scale of numbers
  std::vector<double> ticks{};            //!< the only numbers that stand at it; empty: as the drawer chooses
  bool log = false;                       //!< a logarithmic scale; all numbers are above 0
};

struct FigurePoint {
  double x = 0;
  std::optional<double> y{};            //!< nothing: not there yet
  std::optional<double> low{}, high{};  //!< ends of an interval of y, both or none; of a box 5th and 95th percentile
  std::optional<double> q1{}, q3{};     //!< quartiles of a box, whose median is y
  std::string text{};                   //!< of kPoints: what it is
};

struct FigureSeries {
  std::string name;
  std::vector<FigurePoint> points{};
  bool reference = false;      //!< the paper's numbers
  std::optional<int> trial{};  //!< of several series of one name: which trial
};

struct Figure {
  std::string id{};  //!< [a-z0-9-]+, one of its own
  FigureSection section = FigureSection::kAblations;
  FigureKind kind = FigureKind::kLines;
  std::string title{}, caption{};
  std::string group{};    //!< a heading under which those of one section that have the same stand; empty: alone
  bool stand_in = false;  //!< some of it is of made-up images in the place of a source's
  FigureAxis x{}, y{};
  std::vector<FigureSeries> series{};
  std::vector<std::string> columns{};            //!< of a table below; empty: none
  std::vector<std::vector<std::string>> rows{};  //!< of that table, as many texts as columns each
};

//! Lower-case letters, digits and '-', of any text; what is none of these becomes one '-'.
std::string figure_id(const std::vector<std::string>& parts);

//! A number to six digits: what a plot can show.
double plotted(double value);

//! The object of docs/inside/formats/report.md.
core::Json to_json(const Figure& figure);

}  // namespace resolute::report
