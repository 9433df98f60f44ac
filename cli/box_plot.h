#pragma once
//! \file
//! Parts of the plots in the page of `resolute suite panels`: SVG elements for boxes over a value's axis, in the
//! classes of box_plot_style().

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace resolute::cli {

//! Where a plot lies, in units of the picture, which the page scales.
inline constexpr double kPlotLeft = 44, kPlotTop = 28, kPlotHeight = 200, kPlotBelow = 46, kPlotRight = 8;
inline constexpr double kPlotColumn = 60;  //!< a column's width
inline constexpr double kPlotBox = 16;     //!< a box's width

//! Percentiles of some values.
struct Box {
  double p5 = 0, p25 = 0, p50 = 0, p75 = 0, p95 = 0;
  std::size_t images = 0;
};

//! Between the two nearest of the sorted values, linearly. \param values at least one
Box box_of(std::vector<double> values);

//! From a value at the plot's bottom to one at its top; above it nothing leaves the picture.
class Axis {
 public:
  Axis(double bottom, double top) : bottom_(bottom), top_(top) {}
  double value(double share) const { return bottom_ + (top_ - bottom_) * share; }
  double y(double value) const;

 private:
  double bottom_, top_;
};

//! An SVG element's begin; `</svg>` ends it. \param description any text \param right end of the columns
std::string plot_begin(std::string_view description, double right);
//! \param anchor "start", "middle" or "end" \param style a class, or none
std::string text_svg(double x, double y, std::string_view anchor, std::string_view text, std::string_view style = {});
std::string line_svg(double x1, double y1, double x2, double y2, std::string_view style);
//! From the 25th to the 75th percentile with a line at the median, whiskers from the 5th to the 95th. \param style "hr"
//! (first) or "lr" (second) \param name of the value, for the text that a browser shows at the box
std::string box_svg(const Box& box, double x, const Axis& axis, std::string_view style, std::string_view name);
std::string legend_svg(double x, std::string_view style, std::string_view name);
//! Six lines across the plot with their values.
std::string axis_svg(const Axis& axis, double right);

//! Colours and lines in both schemes; wants the page's variables --text, --quiet and --line.
std::string_view box_plot_style();

}  // namespace resolute::cli
