#include "cli/weight_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/html.h"

namespace resolute::cli {
namespace {

// In units of the picture, which the page scales.
constexpr double kLeft = 44, kTop = 28, kBottom = 46, kRight = 8, kPlotHeight = 200;
constexpr double kColumn = 60, kGap = 12;  // a column's width; between the high side and the low
constexpr double kBox = 16, kCap = 4;      // a box's width; half a whisker's end

constexpr std::string_view kStyle = R"(
:root { --hr: #0067b0; --lr: #c04a00; }
@media (prefers-color-scheme: dark) { :root { --hr: #5cb3f2; --lr: #f09a4f; } }
.weights { display: flex; flex-wrap: wrap; gap: 0 1.5rem; }
.weights figure { max-width: 100%; }
.weights figcaption { max-width: 22rem; }
.plot { display: block; max-width: 100%; height: auto; font: 11px system-ui, sans-serif; fill: var(--text); }
.plot .axis { stroke: var(--line); fill: none; }
.plot .quiet { fill: var(--quiet); }
.plot .hr { stroke: var(--hr); fill: var(--hr); }
.plot .lr { stroke: var(--lr); fill: var(--lr); }
.plot .hr, .plot .lr { stroke-width: 1.5; }
.plot rect.hr, .plot rect.lr { fill-opacity: 0.25; }
.plot .median { stroke-width: 3; }
)";

//! Percentiles of some images' weights.
struct Box {
  double p5 = 0, p25 = 0, p50 = 0, p75 = 0, p95 = 0;
  std::size_t images = 0;
};

//! Between the two nearest of the sorted values, linearly.
double quantile(const std::vector<double>& sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], place - static_cast<double>(below));
}

Box box_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {quantile(values, 0.05), quantile(values, 0.25), quantile(values, 0.5),
          quantile(values, 0.75), quantile(values, 0.95), values.size()};
}

//! The images of one side at one rate.
struct Column {
  std::string rate;  //!< as it is written below
  std::optional<Box> hr, lr;
};

//! The high side first, if there are images of it, then the low side's rates in ascending order.
std::vector<Column> columns_of(const std::vector<results::BranchWeights>& weights) {
  struct Values {
    std::vector<double> hr, lr;
  };
  std::map<std::pair<bool, int>, Values> found;  // low, rate
  for (const results::BranchWeights& one : weights) {
    Values& values = found[{one.low, one.rate}];
    values.hr.push_back(static_cast<double>(one.hr));
    if (one.lr) values.lr.push_back(static_cast<double>(*one.lr));
  }
  std::vector<Column> columns;
  for (const auto& [place, values] : found) {
    Column column{place.first ? fmt::format("{}", place.second) : "HR image", box_of(values.hr), std::nullopt};
    if (!values.lr.empty()) column.lr = box_of(values.lr);
    columns.push_back(std::move(column));
  }
  return columns;
}

//! Where weights lie: from 0 up to 1, or to a round number above the largest that is drawn.
class Scale {
 public:
  explicit Scale(const std::vector<Column>& columns) {
    double largest = 0;
    for (const Column& column : columns)
      for (const std::optional<Box>& box : {column.hr, column.lr})
        if (box) largest = std::max(largest, box->p95);
    // A sigmoid and its floor end a little above 1.
    if (largest > 1.01) top_ = std::pow(10.0, std::ceil(std::log10(largest)));
  }
  double top() const { return top_; }
  double y(double weight) const { return kTop + kPlotHeight * (1 - std::min(weight / top_, 1.02)); }

 private:
  double top_ = 1;
};

std::string text_svg(double x, double y, std::string_view anchor, std::string_view text, std::string_view style = {}) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"{}>{}</text>\n", x, y, anchor,
                     style.empty() ? "" : fmt::format(" class=\"{}\"", style), text);
}

std::string line_svg(double x1, double y1, double x2, double y2, std::string_view style) {
  return fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" class=\"{}\"/>\n", x1, y1, x2, y2,
                     style);
}

//! \param style "hr" or "lr" \param name of the weight, for the text that a browser shows at the box
std::string box_svg(const Box& box, double x, const Scale& scale, std::string_view style, std::string_view name) {
  std::string svg = fmt::format(
      "<g><title>{}: median {:.3g}, half of them {:.3g} to {:.3g}, nine of ten {:.3g} to {:.3g}; {} images</title>\n",
      name, box.p50, box.p25, box.p75, box.p5, box.p95, box.images);
  const double ends[2][2] = {{box.p5, box.p25}, {box.p75, box.p95}};
  for (const auto& [from, to] : ends) svg += line_svg(x, scale.y(from), x, scale.y(to), style);
  for (double end : {box.p5, box.p95}) svg += line_svg(x - kCap, scale.y(end), x + kCap, scale.y(end), style);
  svg += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" class=\"{}\"/>\n",
                     x - kBox / 2, scale.y(box.p75), kBox, scale.y(box.p25) - scale.y(box.p75), style);
  svg += line_svg(x - kBox / 2, scale.y(box.p50), x + kBox / 2, scale.y(box.p50), fmt::format("{} median", style));
  return svg + "</g>\n";
}

std::string legend_svg(double x, std::string_view style, std::string_view name) {
  return fmt::format("<rect x=\"{:.1f}\" y=\"6\" width=\"12\" height=\"10\" class=\"{}\"/>\n", x, style) +
         text_svg(x + 17, 15, "start", name);
}

std::string weight_axis_svg(const Scale& scale, double right) {
  std::string svg;
  constexpr int kTicks = 5;
  for (int i = 0; i <= kTicks; ++i) {
    const double weight = scale.top() * i / kTicks;
    svg += line_svg(kLeft, scale.y(weight), right, scale.y(weight), "axis");
    svg += text_svg(kLeft - 6, scale.y(weight) + 4, "end", fmt::format("{:.3g}", weight));
  }
  return svg;
}

bool is_high(const Column& column) { return !column.lr.has_value(); }

}  // namespace

WeightMetrics weight_metrics(const std::map<std::string, double>& metrics) {
  const auto correlation = [&](const std::string& name) -> std::optional<results::RankCorrelation> {
    const auto rho = metrics.find(name), low = metrics.find(name + "_low"), high = metrics.find(name + "_high");
    if (rho == metrics.end() || low == metrics.end() || high == metrics.end()) return std::nullopt;
    return results::RankCorrelation{rho->second, low->second, high->second};
  };
  WeightMetrics found{correlation("weight_hr_rho"), correlation("weight_lr_rho"), std::nullopt};
  if (const auto share = metrics.find("hr_share"); share != metrics.end()) found.hr_share = share->second;
  return found;
}

std::string weight_metrics_text(const WeightMetrics& metrics) {
  std::string text;
  const auto add = [&](std::string_view name, const std::optional<results::RankCorrelation>& found) {
    if (!found) return;
    text += fmt::format("{}{} {:+.2f} [{:+.2f}, {:+.2f}]", text.empty() ? "rank correlation with the rate: " : ", ",
                        name, found->rho, found->low, found->high);
  };
  add("w_HR", metrics.hr);
  add("w_LR", metrics.lr);
  if (metrics.hr_share)
    text += fmt::format("{}the HR branch's share of the distance: {:.1f} %", text.empty() ? "" : "; ",
                        *metrics.hr_share * 100);
  return text;
}

std::string weight_plot_svg(const std::vector<results::BranchWeights>& weights, std::string_view description) {
  const std::vector<Column> columns = columns_of(weights);
  const Scale scale(columns);
  const double gap = is_high(columns.front()) && columns.size() > 1 ? kGap : 0;
  const double right = kLeft + kColumn * static_cast<double>(std::max<std::size_t>(columns.size(), 3)) + gap;
  const double bottom = kTop + kPlotHeight;
  std::string svg = fmt::format(
      "<svg class=\"plot\" role=\"img\" aria-label=\"{}\" width=\"{:.0f}\" height=\"{:.0f}\" "
      "viewBox=\"0 0 {:.0f} {:.0f}\">\n",
      escaped(description), right + kRight, bottom + kBottom, right + kRight, bottom + kBottom);
  svg += legend_svg(kLeft, "hr", "w_HR") + legend_svg(kLeft + 64, "lr", "w_LR") + weight_axis_svg(scale, right);
  double x = kLeft, low_begin = kLeft;
  for (const Column& column : columns) {
    const double middle = x + kColumn / 2;
    const double apart = column.lr ? kBox * 0.7 : 0;
    const std::string place = is_high(column) ? "high side" : fmt::format("rate {}", column.rate);
    if (column.hr) svg += box_svg(*column.hr, middle - apart, scale, "hr", fmt::format("w_HR, {}", place));
    if (column.lr) svg += box_svg(*column.lr, middle + apart, scale, "lr", fmt::format("w_LR, {}", place));
    svg += text_svg(middle, bottom + 16, "middle", column.rate);
    x += kColumn;
    if (!is_high(column)) continue;
    svg += text_svg(middle, bottom + 34, "middle", "high side", "quiet");
    x += gap;
    low_begin = x;
    if (gap > 0) svg += line_svg(x - gap / 2, kTop, x - gap / 2, bottom, "axis");
  }
  if (!is_high(columns.back())) svg += text_svg((low_begin + x) / 2, bottom + 34, "middle", "rate, low side", "quiet");
  return svg + "</svg>\n";
}

std::string_view weight_plot_style() { return kStyle; }

}  // namespace resolute::cli
