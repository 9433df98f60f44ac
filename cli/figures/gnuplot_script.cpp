#include "cli/figures/gnuplot_script.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string_view>
#include <vector>

namespace resolute::cli {
namespace {

// As on the page (cli/report/page/report.css), in its order.
constexpr std::array<std::string_view, 8> kColours{"#0072b2", "#c2500a", "#00795a", "#9a3d8f",
                                                   "#8a6400", "#5b6670", "#b0004e", "#0088a0"};
constexpr std::array<int, 8> kSymbols{7, 5, 9, 13, 11, 6, 4, 8};  // filled first
constexpr int kDashes = 5;
constexpr std::size_t kManyPoints = 25;  // of a curve without symbols
constexpr std::size_t kBandPoints = 8;   // from which an interval is a band, not bars
constexpr double kLetter = 0.058;        // inches, of a letter of eight points on average
constexpr double kLine = 0.135;          // inches, of a line of text

// Series of one name: of one colour, in the key once.
struct Named {
  std::string name;
  std::vector<std::size_t> series;  // indices into the figure's
  bool reference = false;
};

std::vector<Named> by_name(const Figure& figure) {
  std::vector<Named> all;
  for (std::size_t i = 0; i < figure.series.size(); ++i) {
    const FigureSeries& series = figure.series[i];
    const auto known = std::find_if(all.begin(), all.end(), [&](const Named& one) { return one.name == series.name; });
    if (known == all.end())
      all.push_back({series.name, {i}, series.reference});
    else
      known->series.push_back(i);
  }
  return all;
}

// Lines of a label, at most three, broken between words.
std::string wrapped(const std::string& text, std::size_t width) {
  std::string lines, line;
  int count = 1;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    if (!line.empty() && line.size() + word.size() >= width && count < 3) {
      lines += line + '\n';
      line.clear();
      ++count;
    }
    line += (line.empty() ? "" : " ") + word;
    at = end + 1;
  }
  return lines + line;
}

// A label of an axis with a per cent sign is a format for its place's number, and cut after 49 bytes.
std::string as_label(const std::string& text) {
  std::string label;
  for (const char c : text)
    if (c == '%')
      label += label.empty() || label.back() == ' ' ? "per cent" : " per cent";
    else
      label += c;
  return label;
}

std::string number(double value) { return fmt::format("{}", plotted(value)); }
std::string number(const std::optional<double>& value) { return value ? number(*value) : "NaN"; }

// What several sizes of one figure share.
class Script {
 public:
  Script(const Figure& figure, PaperWidth width) : figure_(figure), named_(by_name(figure)), width_(inches(width)) {}

  std::string text(const std::string& file) const {
    std::string plot;
    for (std::size_t n = 0; n < named_.size(); ++n) plot += curves(n);
    plot = "plot " + plot.substr(0, plot.size() - 2) + "\n";
    const double height = std::max(1.2, this->height());
    // An inch of SVG has 96 pixels (CSS), and eight points are 10.67 of them.
    const std::string svg = fmt::format(
        "set terminal svg size {:.0f},{:.0f} font 'Times,10.67' background '#ffffff' name 'figure'\nset output {}\n",
        96 * width_, 96 * height, gnuplot_text(file + ".svg"));
    const std::string pdf =
        fmt::format("set terminal pdfcairo size {:.2f}in,{:.2f}in font 'Times,8' linewidth 0.75\nset output {}\n",
                    width_, height, gnuplot_text(file + ".pdf"));
    return "reset\nset encoding utf8\n" + data() + svg + style() + axes() + plot + "unset output\n" + pdf + style() +
           axes() + plot + "unset output\n";
  }

 private:
  bool lies() const { return figure_.kind == FigureKind::kBars; }  // so that names of rows can be read
  bool is_map() const { return figure_.kind == FigureKind::kPoints && figure_.x.title.empty(); }
  bool is_plain() const {
    return figure_.kind == FigureKind::kLines &&
           std::any_of(figure_.series.begin(), figure_.series.end(),
                       [](const FigureSeries& series) { return series.points.size() > kManyPoints; });
  }
  std::size_t groups() const {  // side by side at a place
    return static_cast<std::size_t>(
        std::count_if(named_.begin(), named_.end(), [](const Named& one) { return !one.reference; }));
  }

  double key_lines() const {
    if (named_.size() < 2) return 0;
    std::size_t longest = 0;
    for (const Named& one : named_) longest = std::max(longest, one.name.size());
    const double columns = std::max(1.0, std::floor((width_ - 0.3) / (kLetter * static_cast<double>(longest) + 0.4)));
    return std::ceil(static_cast<double>(named_.size()) / columns);
  }

  double height() const {
    const double key = kLine * key_lines() + 0.1;
    if (is_map()) return std::min(width_, 3.35) + key;
    if (!lies()) return std::min(0.62 * width_, 2.6) + key;
    const auto places = static_cast<double>(std::max<std::size_t>(figure_.x.categories.size(), 1));
    return 0.55 + key + places * std::max(0.3, 0.1 * static_cast<double>(groups()) + 0.12);
  }

  // A block of each series: x, y, low, high, q1, q3. A point without a y ends a line.
  std::string data() const {
    std::string text;
    for (std::size_t i = 0; i < figure_.series.size(); ++i) {
      text += fmt::format("$d{} << EOD\n", i);
      for (const FigurePoint& point : figure_.series[i].points) {
        if (!point.y) {
          text += "\n";
          continue;
        }
        const auto end = [&](const std::optional<double>& value) { return number(value ? *value : *point.y); };
        text += fmt::format("{} {} {} {} {} {}\n", number(point.x), number(*point.y), end(point.low), end(point.high),
                            number(point.q1), number(point.q3));
      }
      text += "EOD\n";
    }
    return text;
  }

  static std::string range(const FigureAxis& axis) {
    return fmt::format("[{}:{}]", axis.from ? number(*axis.from) : "*", axis.to ? number(*axis.to) : "*");
  }

  static std::string categories(const FigureAxis& axis, std::size_t width) {
    std::string places;
    for (std::size_t i = 0; i < axis.categories.size(); ++i)
      places +=
          fmt::format("{}{} {}", i == 0 ? "" : ", ", gnuplot_text(wrapped(as_label(axis.categories[i]), width)), i);
    return places;
  }

  std::string style() const {
    std::string text =
        "set termoption noenhanced\n"
        "set border 3 linewidth 0.75 linecolor rgb '#404040'\n"
        "set tics nomirror out scale 0.5\n"
        "set grid linewidth 0.5 linetype 1 linecolor rgb '#dddddd'\n"
        "set errorbars small\n";
    // As the page's --bad: nobody shall take it for a result.
    if (figure_.stand_in)
      text += fmt::format("set label 1 {} at graph 0.98, graph 0.95 right front textcolor rgb '#b3261e'\n",
                          gnuplot_text("stand-in, not the real data"));
    return text + (named_.size() < 2 ? "unset key\n"
                                     : "set key outside center top horizontal Left reverse samplen 2 spacing 1.05 "
                                       "width 1 noopaque\n");
  }

  std::string axes() const {
    const FigureAxis& x = lies() ? figure_.y : figure_.x;
    const FigureAxis& y = lies() ? figure_.x : figure_.y;
    std::string text;
    const auto title = [&](char axis, const std::string& words) {
      text += words.empty() ? fmt::format("unset {}label\n", axis)
                            : fmt::format("set {}label {}\n", axis, gnuplot_text(wrapped(words, 40)));
    };
    title('x', x.title);
    title('y', y.title);
    if (is_map())
      return text +
             "unset xtics\nunset ytics\nunset grid\nset border 15\nset size ratio -1\nset offsets graph 0.04, "
             "graph 0.04, graph 0.04, graph 0.04\n";
    const auto places = static_cast<double>(figure_.x.categories.size());
    if (lies()) {
      // Bars begin at zero.
      text += x.from ? fmt::format("set xrange {}\n", range(x)) : "set xrange [*<0:0<*]\n";
      return text + fmt::format(
                        "set ytics ({})\nset yrange [{}:-0.5]\nunset grid\nset grid xtics linewidth 0.5 "
                        "linetype 1 linecolor rgb '#dddddd'\n",
                        categories(y, width_ < 4 ? 18 : 34), places - 0.5);
    }
    text += fmt::format("set yrange {}\n", range(y));
    if (x.categories.empty()) return text + fmt::format("set xrange {}\n", range(x));
    std::size_t letters = 0;
    for (const std::string& name : x.categories) letters += name.size() + 2;
    const bool crowded = kLetter * static_cast<double>(letters) > width_ - 0.6;
    return text + fmt::format("set xtics ({}){}\nset xrange [-0.5:{}]\n", categories(x, crowded ? 18 : 99),
                              crowded ? " rotate by 30 right" : "", places - 0.5);
  }

  // Parts of one plot command, each with a comma behind it.
  std::string curves(std::size_t n) const {
    const Named& named = named_[n];
    std::string parts;
    for (std::size_t i = 0; i < named.series.size(); ++i) {
      const std::string title = i == 0 ? "title " + gnuplot_text(named.name) : "notitle";
      switch (figure_.kind) {
        case FigureKind::kLines:
          parts += line(n, named.series[i], title);
          break;
        case FigureKind::kBars:
          parts += bar(n, named.series[i], title);
          break;
        case FigureKind::kBoxes:
          parts += box(n, named.series[i], title);
          break;
        case FigureKind::kPoints:
          parts += fmt::format("$d{} using 1:2 with points {} pointsize 0.5 {}, ", named.series[i], mark(n), title);
          break;
      }
    }
    return parts;
  }

  static std::string colour(std::size_t n) { return fmt::format("linecolor rgb '{}'", kColours[n % kColours.size()]); }
  static std::string mark(std::size_t n) {
    return fmt::format("{} pointtype {}", colour(n), kSymbols[(n + n / kColours.size()) % kSymbols.size()]);
  }

  std::string line(std::size_t n, std::size_t series, const std::string& title) const {
    const auto& points = figure_.series[series].points;
    const bool interval = std::any_of(points.begin(), points.end(), [](const auto& point) { return point.low; });
    const bool band = interval && points.size() > kBandPoints;
    const std::size_t turn = (is_plain() ? n : 0) + n / kColours.size();
    const std::string pen = fmt::format("{} dashtype {} linewidth {}", mark(n), turn % kDashes + 1,
                                        named_[n].series.size() > 1 ? 1.0 : 1.5);
    std::string parts;
    if (band)
      parts += fmt::format("$d{} using 1:3:4 with filledcurves {} fillstyle transparent solid 0.18 noborder notitle, ",
                           series, colour(n));
    if (is_plain())
      parts += fmt::format("$d{} using 1:2 with lines {} {}, ", series, pen, title);
    else
      parts += fmt::format("$d{} using 1:2{} with {} {} pointsize 0.5 {}, ", series, interval && !band ? ":3:4" : "",
                           interval && !band ? "yerrorlines" : "linespoints", pen, title);
    return parts;
  }

  // Which of the bars or boxes at a place; marks of the paper's numbers stand on the bar before them.
  std::size_t lane(std::size_t n) const {
    const auto before = std::count_if(named_.begin(), named_.begin() + static_cast<std::ptrdiff_t>(n),
                                      [](const Named& one) { return !one.reference; });
    return static_cast<std::size_t>(named_[n].reference ? std::max<std::ptrdiff_t>(before - 1, 0) : before);
  }
  double lane_width() const { return 0.76 / static_cast<double>(std::max<std::size_t>(groups(), 1)); }
  double middle(std::size_t n) const {
    return (static_cast<double>(lane(n)) - static_cast<double>(groups() - 1) / 2) * lane_width();
  }

  std::string bar(std::size_t n, std::size_t series, const std::string& title) const {
    const double middle = this->middle(n), half = 0.46 * lane_width();
    if (named_[n].reference)
      return fmt::format(
          "$d{} using 2:($1+{:.4f}) with points pointtype 12 pointsize 0.8 linewidth 1.2 linecolor rgb "
          "'#000000' {}, ",
          series, middle, title);
    const auto& points = figure_.series[series].points;
    std::string parts = fmt::format(
        "$d{} using (0):($1+{:.4f}):(0):2:($1+{:.4f}):($1+{:.4f}) with boxxyerror {} fillstyle {} border {}, ", series,
        middle, middle - half, middle + half, colour(n), n < kColours.size() ? "solid 0.75" : "pattern 4", title);
    if (std::any_of(points.begin(), points.end(), [](const auto& point) { return point.low; }))
      parts += fmt::format(
          "$d{} using 2:($1+{:.4f}):3:4 with xerrorbars pointtype 0 linewidth 1 linecolor rgb "
          "'#000000' notitle, ",
          series, middle);
    return parts;
  }

  std::string box(std::size_t n, std::size_t series, const std::string& title) const {
    const double middle = this->middle(n), width = 0.8 * lane_width();
    // `border` takes what follows for a pen of its own, up to the title.
    return fmt::format(
        "$d{0} using ($1+{1:.4f}):5:3:4:6:({2:.4f}) with candlesticks {3} linewidth 1 fillstyle solid 0.25 border {4} "
        "whiskerbars 0.5, $d{0} using ($1+{1:.4f}):2:2:2:2:({2:.4f}) with candlesticks {3} linewidth 1.5 notitle, ",
        series, middle, width, colour(n), title);
  }

  const Figure& figure_;
  std::vector<Named> named_;
  double width_;
};

}  // namespace

double inches(PaperWidth width) { return width == PaperWidth::kOneColumn ? 3.35 : 6.9; }

std::string gnuplot_text(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    // No digit, which would be one more of an escape before it.
    const bool plain = byte >= 0x80 || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
    if (plain)
      quoted += c;
    else if (c == '\n')
      quoted += "\\n";
    else
      quoted += fmt::format("\\{:03o}", byte < 0x20 || byte == 0x7f ? ' ' : byte);
  }
  return quoted + "\"";
}

std::string gnuplot_script(const Figure& figure, PaperWidth width, const std::string& file) {
  return Script(figure, width).text(file);
}

}  // namespace resolute::cli
