#pragma once
//! \file
//! Parts of the plots in the page of `resolute suite panels`: SVG elements for boxes over a value's axis, in the
//! classes of box_plot_style().

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "results/spread.h"

namespace resolute::cli {

//! Where a plot lies, in units of the picture, which the page scales.
inline constexpr double kPlotLeft = 44, kPlotTop = 28, kPlotHeight = 200, kPlotBelow = 46, kPlotRight = 8;
inline constexpr double kPlotColumn = 60;  //!< a column's width
inline constexpr double kPlotBox = 16;     //!< a box's width

//! Percentiles of some values.
struct Box {
  double p5 = 0, p25 = 0, p50 = 0, p75 = 0, p95 = 0;
  std::size_t count = 0;           //!< of the values
  std::string_view of = "images";  //!< what they are values of
};

//! Between the two nearest of the sorted values, linearly. \param values at least one
Box box_of(std::vector<double> values);
//! What a file tells of them. \param percentiles those of results::kSpreadPercentiles
Box box_of(const results::Spread& spread, std::int64_t count, std::string_view of);

//! 1, 2 or 5 times a power of ten: the least of these that is not below `value`, as far as a double holds it; 1 for 0.
double round_above(double value);

//! From a value at the plot's bottom to one at its top; above it nothing leaves the picture.
class Axis {
 public:
  Axis(double bottom, double top) : bottom_(bottom), top_(top) {}
  double value(double share) const { return bottom_ + (top_ - bottom_) * share; }
  double y(double value) const;

 private:
  double bottom_, top_;
};

//! An SVG element's begin; `</svg>` ends it. \param description any text \param right end of the columns \param below
//! the columns, for what is written there
std::string plot_begin(std::string_view description, double right, double below = kPlotBelow);
//! \param anchor "start", "middle" or "end" \param style a class, or none
std::string text_svg(double x, double y, std::string_view anchor, std::string_view text, std::string_view style = {});
std::string line_svg(double x1, double y1, double x2, double y2, std::string_view style);
//! From the 25th to the 75th percentile with a line at the median, whiskers from the 5th to the 95th. \param style "hr"
//! (first), "lr" (second), "third" or "fourth" \param name of the value, for the text that a browser shows at the box;
//! any text
std::string box_svg(const Box& box, double x, const Axis& axis, std::string_view style, std::string_view name,
                    double width = kPlotBox);
std::string legend_svg(double x, std::string_view style, std::string_view name);
//! What the axis' values are, at the right above the plot.
std::string axis_name_svg(double right, std::string_view name);
//! Six lines across the plot with their values.
std::string axis_svg(const Axis& axis, double right);

//! Colours and lines in both schemes; wants the page's variables --text, --quiet and --line.
std::string_view box_plot_style();

}  // namespace resolute::cli
