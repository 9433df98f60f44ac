#pragma once
//! \file
//! Plots as SVG elements, in the classes of box_plot_style(): boxes of percentiles in columns over a value's axis, and
//! the parts that other plots share with them.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "results/scores/spread.h"

namespace resolute::cli {

//! Where a plot lies, in units of the picture, which the page scales.
inline constexpr double kPlotLeft = 44, kPlotTop = 28, kPlotHeight = 200, kPlotBelow = 46, kPlotRight = 8;

//! Percentiles of some values.
struct Box {
  results::Spread spread;
  std::size_t count = 0;           //!< of the values
  std::string_view of = "images";  //!< what they are values of
  std::string title;               //!< that a browser shows at the box; any text
};

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

//! Boxes side by side in columns, columns in groups. Lengths in units of the picture.
struct BoxPlot {
  struct Series {
    std::string_view style;  //!< "hr" (first), "lr" (second), "third" or "fourth"
    std::string name;
  };
  struct Column {
    std::string name;                       //!< below it; markup
    std::vector<std::optional<Box>> boxes;  //!< of each series, or of the first alone, which then stands in the middle
  };
  struct Group {
    std::string name;  //!< below its columns
    std::vector<Column> columns;
  };
  Axis axis{0, 1};
  std::string_view axis_name{};  //!< at the right above the plot; may be empty
  std::vector<Series> series{};
  std::vector<Group> groups{};  //!< at least one, of at least one column
  std::string_view below{};     //!< what columns are, in a line of its own; empty: no such line
  double column = 60;           //!< a column's width
  double box = 16;              //!< a box's width
  double apart = 22.4;          //!< from the middle of a box to that of the next
  double gap = 0;               //!< between groups
  double legend = 64;           //!< from one legend to the next
  double least = 0;             //!< width of all columns at least
};

//! A box reaches from the 25th to the 75th percentile with a line at the median, whiskers from the 5th to the 95th.
//! \param description of the picture, for those who do not see it; any text
std::string box_plot_svg(const BoxPlot& plot, std::string_view description);

//! \param anchor "start", "middle" or "end" \param style a class, or none
std::string text_svg(double x, double y, std::string_view anchor, std::string_view text, std::string_view style = {});
std::string line_svg(double x1, double y1, double x2, double y2, std::string_view style);
std::string legend_svg(double x, std::string_view style, std::string_view name);
//! What the axis' values are, at the right above the plot.
std::string axis_name_svg(double right, std::string_view name);
//! Six lines across the plot with their values.
std::string axis_svg(const Axis& axis, double right);

//! Colours and lines in both schemes; wants the page's variables --text, --quiet and --line.
std::string_view box_plot_style();

}  // namespace resolute::cli
