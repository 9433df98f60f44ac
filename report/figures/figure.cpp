#include "report/figures/figure.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

namespace resolute::report {
namespace {

using core::Json;

Json axis_json(const FigureAxis& axis) {
  Json json = {{"title", axis.title}};
  if (axis.from) json["from"] = *axis.from;
  if (axis.to) json["to"] = *axis.to;
  if (!axis.categories.empty()) json["categories"] = axis.categories;
  if (!axis.ticks.empty()) json["ticks"] = axis.ticks;
  if (axis.log) json["scale"] = "log";
  return json;
}

// A list of one member of all points; nothing where no point has it.
template <class Member>
void add_list(Json& json, const char* key, const std::vector<FigurePoint>& points, Member member) {
  if (std::ranges::none_of(points, [&](const auto& point) { return (point.*member).has_value(); })) return;
  Json list = Json::array();
  for (const FigurePoint& point : points) list.push_back(point.*member ? Json(plotted(*(point.*member))) : Json());
  json[key] = std::move(list);
}

Json series_json(const FigureSeries& series) {
  Json x = Json::array(), y = Json::array(), texts = Json::array();
  bool has_text = false;
  for (const FigurePoint& point : series.points) {
    x.push_back(plotted(point.x));
    y.push_back(point.y ? Json(plotted(*point.y)) : Json());
    texts.push_back(point.text);
    has_text = has_text || !point.text.empty();
  }
  Json json = {{"name", series.name}, {"x", std::move(x)}, {"y", std::move(y)}};
  add_list(json, "low", series.points, &FigurePoint::low);
  add_list(json, "high", series.points, &FigurePoint::high);
  add_list(json, "q1", series.points, &FigurePoint::q1);
  add_list(json, "q3", series.points, &FigurePoint::q3);
  if (has_text) json["texts"] = std::move(texts);
  if (series.reference) json["reference"] = true;
  if (series.trial) json["trial"] = *series.trial;
  return json;
}

}  // namespace

std::string figure_id(const std::vector<std::string>& parts) {
  std::string id;
  for (const std::string& part : parts) {
    for (char c : part) {
      const char low = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      const bool plain = (low >= 'a' && low <= 'z') || (low >= '0' && low <= '9');
      if (plain)
        id += low;
      else if (!id.empty() && id.back() != '-')
        id += '-';
    }
    if (!id.empty() && id.back() != '-') id += '-';
  }
  while (!id.empty() && id.back() == '-') id.pop_back();
  return id;
}

double plotted(double value) { return std::strtod(fmt::format("{:.6g}", value).c_str(), nullptr); }

Json to_json(const Figure& figure) {
  Json series = Json::array();
  for (const FigureSeries& one : figure.series) series.push_back(series_json(one));
  Json json = {{"id", figure.id},
               {"section", settings::word(figure.section)},
               {"kind", settings::word(figure.kind)},
               {"title", figure.title},
               {"caption", figure.caption},
               {"x", axis_json(figure.x)},
               {"y", axis_json(figure.y)},
               {"series", std::move(series)}};
  if (!figure.group.empty()) json["group"] = figure.group;
  if (figure.stand_in) json["stand_in"] = true;
  if (!figure.columns.empty()) {
    json["columns"] = figure.columns;
    json["rows"] = figure.rows;
  }
  return json;
}

}  // namespace resolute::report
