#include "experiments/language/rows.h"

#include <algorithm>

#include "experiments/language/names.h"
#include "experiments/language/table_reader.h"

namespace resolute::experiments {
namespace {

constexpr std::size_t kMostPoints = 1000;

//! Name → value at one point of a grid.
using Point = std::map<std::string, core::Json>;

std::string text_of(const core::Json& value) {
  return value.is_string() ? value.get<std::string>() : core::canonical_json(value);
}

std::vector<Point> read_grid(const Node& grid) {
  TableReader reader(grid, "'grid'");
  std::vector<Point> points = {{}};
  for (const auto& [name, node] : grid.members) {
    const auto values = reader.value<std::vector<core::Json>>(name);
    if (values.empty()) throw core::input_error(fmt::format("{}: key 'grid.{}' has no values", node.place, name));
    std::vector<Point> longer;
    for (const Point& point : points)
      for (const core::Json& value : values) {
        if (!value.is_primitive())
          throw core::input_error(fmt::format("{}: key 'grid.{}' holds a list", node.place, name),
                                  "its values are strings, numbers or booleans");
        longer.push_back(point);
        longer.back()[name] = value;
        if (longer.size() > kMostPoints)
          throw core::input_error(fmt::format("{}: key 'grid' has too many points", node.place),
                                  fmt::format("at most {} rows are made from one", kMostPoints));
      }
    points = std::move(longer);
  }
  return points;
}

//! Replaces {name} by the point's values. Without a grid braces mean nothing.
class Substitution {
 public:
  Substitution(const Point& point, const std::string& place) : point_(point), place_(place) {}

  std::string text(const std::string& from) const {
    if (point_.empty()) return from;
    std::string result;
    for (std::size_t at = 0; at < from.size();) {
      const std::size_t close = from[at] == '{' ? from.find('}', at) : std::string::npos;
      if (close == std::string::npos) {
        result += from[at++];
      } else {
        result += text_of(named(from.substr(at + 1, close - at - 1)));
        at = close + 1;
      }
    }
    return result;
  }

  //! A string that is one placeholder and nothing else takes the value with its type.
  core::Json value(const core::Json& from) const {
    if (from.is_array()) {
      core::Json list = core::Json::array();
      for (const core::Json& item : from) list.push_back(value(item));
      return list;
    }
    if (!from.is_string() || point_.empty()) return from;
    const auto whole = from.get<std::string>();
    if (whole.size() > 2 && whole.front() == '{' && whole.find('}') == whole.size() - 1)
      return named(whole.substr(1, whole.size() - 2));
    return text(whole);
  }

  Node node(const Node& from) const {
    Node result{from.kind, from.place, value(from.value), {}, {}};
    for (const Member& member : from.members) result.members.push_back({text(member.key), node(member.node)});
    for (const Node& table : from.tables) result.tables.push_back(node(table));
    return result;
  }

 private:
  const core::Json& named(const std::string& name) const {
    const auto found = point_.find(name);
    if (found != point_.end()) return found->second;
    std::vector<std::string> names;
    for (const auto& [known, value] : point_) names.push_back(known);
    std::string suggestion = did_you_mean(name, names);
    if (suggestion.empty()) suggestion = fmt::format("its names are {}", fmt::join(names, ", "));
    throw core::input_error(fmt::format("{}: '{{{}}}' is not a name of the row's grid", place_, name), {}, suggestion);
  }

  const Point& point_;
  const std::string& place_;
};

ReferenceRequest read_reference(const Node& node, const Node* shared) {
  TableReader reader(node, "'reference'");
  std::optional<TableReader> fallback;
  if (shared != nullptr) fallback.emplace(*shared, "'reference'");
  auto part = [&](const std::string& key) {
    if (fallback && reader.find(key) == nullptr) return fallback->value<std::string>(key);
    return reader.value<std::string>(key);
  };
  ReferenceRequest request;
  request.place = node.place;
  request.paper = part("paper");
  request.table = part("table");
  request.method = part("method");
  request.dataset = part("dataset");
  request.variant = reader.value<std::string>("variant", fallback ? fallback->value<std::string>("variant", "") : "");
  request.on = reader.value<std::vector<std::string>>("on", {});
  reader.finish();
  return request;
}

void check_row_id(const std::string& id, const std::string& place) {
  const bool allowed = std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
  if (id.empty() || id.size() > 64 || !allowed)
    throw core::input_error(fmt::format("{}: key 'id' has the value '{}'", place, id),
                            "a row's id is 1 to 64 of a-z, 0-9, '-', '_' and '.'");
}

}  // namespace

std::vector<RowText> read_row(const Node& row, const Node* shared_reference) {
  TableReader reader(row, "[[table.row]]");
  const auto id = reader.title("id");
  const auto label = reader.title("label");
  const Node* grid = reader.find("grid");
  const Node* set = reader.find("set");
  const Node* reference = reader.find("reference");
  const std::vector<Member> overrides = reader.rest();
  if (set != nullptr) TableReader(*set, "'set'");

  std::vector<RowText> rows;
  for (const Point& point : grid == nullptr ? std::vector<Point>{{}} : read_grid(*grid)) {
    const Substitution substitution(point, row.place);
    RowText made;
    made.id = substitution.text(id);
    made.label = substitution.text(label);
    made.place = row.place;
    check_row_id(made.id, reader.place("id"));
    check_title(made.label, "label", reader.place("label"));
    add_settings(made.settings, overrides, PackKeys::kRefused, reader.known());
    if (set != nullptr) add_settings(made.settings, substitution.node(*set).members, PackKeys::kRefused);
    if (reference != nullptr) {
      const Node wanted = substitution.node(*reference);
      if (wanted.kind == Node::Kind::kTables)
        for (const Node& one : wanted.tables) made.references.push_back(read_reference(one, shared_reference));
      else
        made.references.push_back(read_reference(wanted, shared_reference));
    }
    rows.push_back(std::move(made));
  }
  return rows;
}

}  // namespace resolute::experiments
