#include "cli/figures/figure_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>

#include "cli/figures/gnuplot_script.h"
#include "core/error.h"
#include "core/files/csv.h"
#include "core/files/drawing_folder.h"
#include "core/files/new_folder.h"
#include "core/process/process.h"

namespace resolute::cli {
namespace {

constexpr std::chrono::minutes kMostTime{2};  // for one figure
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 28;
constexpr std::array kWidths{PaperWidth::kOneColumn, PaperWidth::kTwoColumns};

// A PDF says when it was made, whatever cairo is told; its parts are found by their places, so the date keeps its
// length.
void forget_the_date(core::Bytes& pdf) {
  constexpr std::string_view kBefore = "/CreationDate (D:", kNever = "19700101000000";
  const std::string_view all = core::as_text(pdf);
  const auto found = all.find(kBefore);
  if (found == all.npos || found + kBefore.size() + kNever.size() > all.size()) return;
  const auto never = core::as_byte_span(kNever);
  std::copy(never.begin(), never.end(), pdf.begin() + static_cast<std::ptrdiff_t>(found + kBefore.size()));
}

// gnuplot without what its user or its site has set. \return what it drew, by ending
std::vector<std::pair<std::string, core::Bytes>> drawn(const std::filesystem::path& gnuplot, const Figure& figure,
                                                       PaperWidth width) {
  const core::DrawingFolder folder("figures");
  auto& files = core::real_file_system();
  core::replace_unsynced(files, folder.path() / "figure.gp", gnuplot_script(figure, width, "figure"));
  auto environment = core::current_environment();
  environment["TZ"] = "UTC";
  environment["LC_ALL"] = "C.UTF-8";
  std::erase_if(environment, [](const auto& one) { return one.first.starts_with("GNUPLOT"); });
  const core::CommandOutput output = core::run_command({.arguments = {gnuplot.string(), "-d", "figure.gp"},
                                                        .environment = std::move(environment),
                                                        .working_folder = folder.path()},
                                                       kMostTime);
  const auto* exit = std::get_if<core::Exited>(&output.status);
  std::vector<std::pair<std::string, core::Bytes>> pictures;
  for (const char* ending : {".svg", ".pdf"})
    if (const auto file = folder.path() / (std::string("figure") + ending); files.exists(file))
      if (core::Bytes bytes = files.read(file, kMostBytes); !bytes.empty()) {
        forget_the_date(bytes);
        pictures.emplace_back(ending, std::move(bytes));
      }
  if (output.timed_out || exit == nullptr || exit->code != 0 || pictures.size() != 2)
    throw core::RuntimeError(core::ErrorKind::kEnvironment,
                             fmt::format("gnuplot did not draw figure '{}' ({})", figure.id,
                                         output.timed_out     ? "it took too long"
                                         : output.err.empty() ? core::describe(output.status)
                                                              : output.err),
                             {}, "its numbers are in the report's page");
  return pictures;
}

// Which members of points a figure's table has a column for.
struct ValueColumn {
  const char* name;
  std::optional<double> FigurePoint::*member;
};
constexpr std::array<ValueColumn, 4> kValueColumns{{{"low end", &FigurePoint::low},
                                                    {"high end", &FigurePoint::high},
                                                    {"q1", &FigurePoint::q1},
                                                    {"q3", &FigurePoint::q3}}};

template <class Has>
bool any_point(const Figure& figure, Has has) {
  return std::any_of(figure.series.begin(), figure.series.end(), [&](const FigureSeries& series) {
    return std::any_of(series.points.begin(), series.points.end(), has);
  });
}

std::string value_text(const std::optional<double>& value) {
  return value ? fmt::format("{}", plotted(*value)) : std::string();
}

}  // namespace

std::string figure_csv(const Figure& figure) {
  const bool trials = std::any_of(figure.series.begin(), figure.series.end(),
                                  [](const FigureSeries& series) { return series.trial.has_value(); });
  const bool texts = any_point(figure, [](const FigurePoint& point) { return !point.text.empty(); });
  std::vector<ValueColumn> columns;
  for (const ValueColumn& column : kValueColumns)
    if (any_point(figure, [&](const FigurePoint& point) { return (point.*column.member).has_value(); }))
      columns.push_back(column);
  std::string csv = "series";
  if (trials) csv += ",trial";
  csv += "," + core::csv_field(figure.x.title.empty() ? "x" : figure.x.title);
  csv += "," + core::csv_field(figure.y.title.empty() ? "y" : figure.y.title);
  for (const ValueColumn& column : columns) csv += fmt::format(",{}", column.name);
  csv += texts ? ",what\n" : "\n";
  for (const FigureSeries& series : figure.series)
    for (const FigurePoint& point : series.points) {
      csv += core::csv_field(series.name);
      if (trials) csv += series.trial ? fmt::format(",{}", *series.trial) : ",";
      csv += "," + (figure.x.categories.empty()
                        ? value_text(point.x)
                        : core::csv_field(figure.x.categories.at(static_cast<std::size_t>(std::llround(point.x)))));
      csv += "," + value_text(point.y);
      for (const ValueColumn& column : columns) csv += "," + value_text(point.*column.member);
      csv += texts ? "," + core::csv_field(point.text) + "\n" : "\n";
    }
  return csv;
}

std::filesystem::path gnuplot_program() {
  const auto program = core::program_on_path(core::current_environment(), "gnuplot");
  if (!program)
    throw core::input_error("no figure can be drawn as SVG and PDF", "gnuplot is not installed",
                            "install gnuplot-nox, or take the figures from the report's page");
  return *program;
}

std::string figures_json(const std::vector<Figure>& figures) {
  core::Json json = core::Json::array();
  for (const Figure& figure : figures) json.push_back(to_json(figure));
  return core::Json{{"schema", kReportSchema}, {"figures", std::move(json)}}.dump(1) + "\n";
}

void write_figures(core::FileSystem& files, const std::vector<Figure>& figures, const std::filesystem::path& folder,
                   const std::function<void(std::size_t)>& progress) {
  core::require_new_folder(files, folder);
  const std::filesystem::path gnuplot = gnuplot_program();
  core::write_new_folder(files, folder, [&](core::NewFolder& made) {
    made.write("figures.json", figures_json(figures));
    std::size_t done = 0;
    for (const Figure& figure : figures) {
      made.write(fmt::format("csv/{}.csv", figure.id), figure_csv(figure));
      if (any_point(figure, [](const FigurePoint& point) { return point.y.has_value(); }))
        for (const PaperWidth width : kWidths)
          for (const auto& [ending, bytes] : drawn(gnuplot, figure, width))
            made.write(fmt::format("{}/{}{}", settings::word(width), figure.id, ending), bytes);
      if (progress) progress(++done);
    }
  });
}

}  // namespace resolute::cli
