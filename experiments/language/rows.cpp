#include "experiments/language/rows.h"

#include <algorithm>

#include "experiments/language/table_reader.h"
#include "settings/names.h"

namespace resolute::experiments {
namespace {

constexpr std::size_t kMostPoints = 1000;

//! Name → value at one point of a grid.
using Point = std::map<std::string, core::Json>;

std::string written_out(const core::Json& value) {
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

std::vector<Point> points_of(const Node* grid) { return grid == nullptr ? std::vector<Point>{{}} : read_grid(*grid); }

//! Replaces {name} by the point's values. Without a grid braces mean nothing.
class Substitution {
 public:
  explicit Substitution(const Point& point) : point_(point) {}

  //! \param place, key of what holds the text
  std::string text(const std::string& from, const std::string& place, const std::string& key) const {
    if (point_.empty()) return from;
    std::string result;
    for (std::size_t at = 0; at < from.size();) {
      const std::size_t close = from[at] == '{' ? from.find('}', at) : std::string::npos;
      if (close == std::string::npos) {
        result += from[at++];
      } else {
        result += written_out(named(from.substr(at + 1, close - at - 1), place, key));
        at = close + 1;
      }
    }
    return result;
  }

  //! The same of LaTeX, which has braces of its own: those without a name of the grid stand.
  std::string latex(std::string text) const {
    for (const auto& [name, value] : point_) {
      const std::string placeholder = "{" + name + "}", written = written_out(value);
      for (std::size_t at = text.find(placeholder); at != std::string::npos;
           at = text.find(placeholder, at + written.size()))
        text.replace(at, placeholder.size(), written);
    }
    return text;
  }

  Node node(const Node& from, const std::string& key) const {
    Node result{from.kind, from.place, value(from.value, from.place, key), {}, {}};
    for (const auto& [name, member] : from.members)
      result.members.push_back({text(name, member.place, key), node(member, key + "." + name)});
    for (const Node& table : from.tables) result.tables.push_back(node(table, key));
    return result;
  }

 private:
  //! A string that is one placeholder and nothing else takes the value with its type.
  core::Json value(const core::Json& from, const std::string& place, const std::string& key) const {
    if (from.is_array()) {
      core::Json list = core::Json::array();
      for (const core::Json& item : from) list.push_back(value(item, place, key));
      return list;
    }
    if (!from.is_string() || point_.empty()) return from;
    const auto whole = from.get<std::string>();
    if (whole.size() > 2 && whole.front() == '{' && whole.find('}') == whole.size() - 1)
      return named(whole.substr(1, whole.size() - 2), place, key);
    return text(whole, place, key);
  }

  const core::Json& named(const std::string& name, const std::string& place, const std::string& key) const {
    const auto found = point_.find(name);
    if (found != point_.end()) return found->second;
    std::vector<std::string> names;
    for (const auto& [known, value] : point_) names.push_back(known);
    throw core::input_error(fmt::format("{}: key '{}' names '{{{}}}'", place, key, name),
                            "the row's grid has no such name", settings::nearest_or_all(name, names));
  }

  const Point& point_;
};

//! A part of ours, or of a module in Python by its dotted name ("Mixed_5b.branch1"): 1 to 64 characters.
bool is_part(const std::string& name) {
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  });
}

//! 1 to 64 of those characters, without capitals.
bool is_id(const std::string& id) {
  return is_part(id) && std::ranges::none_of(id, [](char c) { return c >= 'A' && c <= 'Z'; });
}

//! `freeze`: parts of the network that keep their weights, a setting that checked_draft() takes up: the method knows
//! its parts.
void add_frozen(Settings& layer, TableReader& row) {
  if (row.find("freeze") != nullptr) layer["freeze"] = {row.names("freeze", {}, is_part), row.place("freeze")};
}

//! One request, or one per pair of data sets where the table's `reference` has such and the row's names no data set.
std::vector<ReferenceRequest> read_reference(const Node& node, const Node* shared) {
  TableReader reader(node, "'reference'");
  std::optional<TableReader> fallback;
  if (shared != nullptr) fallback.emplace(*shared, "'reference'");
  auto part = [&](const std::string& key) {
    const bool shared_one = reader.find(key) == nullptr && fallback && fallback->find(key) != nullptr;
    return shared_one ? fallback->value<std::string>(key) : reader.value<std::string>(key);
  };
  ReferenceRequest request;
  request.place = node.place;
  request.paper = part("paper");
  request.table = part("table");
  request.method = part("method");
  request.variant = reader.value<std::string>("variant", fallback ? fallback->value<std::string>("variant", "") : "");
  request.on = reader.value<std::vector<std::string>>("on", {});
  const auto pairs =
      shared == nullptr || reader.find("dataset") != nullptr ? std::vector<DatasetPair>() : read_dataset_pairs(*shared);
  if (pairs.empty()) request.dataset = part("dataset");
  reader.finish();
  if (pairs.empty()) return {request};
  std::vector<std::string> ours;
  for (const DatasetPair& pair : pairs) ours.push_back(pair.ours);
  for (const std::string& id : request.on)
    if (!settings::is_among(ours, id))
      throw core::input_error(fmt::format("{}: key 'reference.on' names '{}'", request.place, id),
                              "the table's 'reference.datasets' has no such data set",
                              settings::nearest_or_all(id, ours));
  std::vector<ReferenceRequest> requests;
  for (const DatasetPair& pair : pairs) {
    if (!request.stands_beside(pair.ours)) continue;
    requests.push_back(request);
    requests.back().dataset = pair.papers;
    requests.back().on = {pair.ours};
  }
  return requests;
}

//! The winner's settings are what the search found: a row changes how often and what it is asked, not what it is.
void check_found(const RowText& row) {
  const auto refuse = [](const std::string& place, const char* key) {
    throw core::input_error(fmt::format("{}: key '{}' stands beside 'search'", place, key),
                            "the winner trains as it did in the search", "leave one of them out");
  };
  if (!row.start_from.value.empty()) refuse(row.start_from.place, "start_from");
  if (!row.joined_with.value.empty()) refuse(row.joined_with.place, "joined_with");
  for (const auto& [key, setting] : row.settings)
    if (key != "trials" && key != "ranks" && !key.starts_with("evaluate."))
      throw core::input_error(fmt::format("{}: key '{}' stands beside 'search'", setting.place, key),
                              fmt::format("the row has the settings of the winner of '{}'", row.search.value),
                              "give it to the [[search]], or leave it out");
}

void check_row_id(const std::string& id, const std::string& place, const char* key = "id") {
  if (!is_id(id))
    throw core::input_error(fmt::format("{}: key '{}' has the value '{}'", place, key, id),
                            "a row's id is 1 to 64 of a-z, 0-9, '-', '_' and '.'");
}

}  // namespace

std::vector<DatasetPair> read_dataset_pairs(const Node& shared_reference) {
  TableReader reader(shared_reference, "'reference'");
  const Node* datasets = reader.find("datasets");
  std::vector<DatasetPair> pairs;
  if (datasets == nullptr) return pairs;
  TableReader names(*datasets, "'reference.datasets'");
  for (const Member& member : datasets->members) pairs.push_back({member.key, names.value<std::string>(member.key)});
  return pairs;
}

std::vector<RowText> read_row(const Node& row, const Node* shared_reference, const PythonMethods& methods) {
  TableReader reader(row, "[[table.row]]");
  const auto id = reader.title("id");
  const auto label = reader.title("label");
  const auto latex = reader.find("latex") == nullptr ? "" : reader.title("latex");
  const Node* grid = reader.find("grid");
  const Node* set = reader.find("set");
  const Node* reference = reader.find("reference");
  const auto start_from = reader.located<std::string>("start_from", "");
  const auto joined_with = reader.located<std::vector<std::string>>("joined_with", {});
  if (reader.find("joined_with") != nullptr && joined_with.value.empty())
    throw core::input_error(fmt::format("{}: key 'joined_with' is empty", joined_with.place), {}, "leave it out");
  const auto search = reader.located<std::string>("search", "");
  reader.find("freeze");
  Settings overrides;
  add_settings(overrides, reader.rest(), PackKeys::kRefused, methods, reader.known());
  add_frozen(overrides, reader);
  if (set != nullptr) TableReader(*set, "'set'");

  std::vector<RowText> rows;
  for (const Point& point : points_of(grid)) {
    const Substitution substitution(point);
    RowText made;
    made.place = row.place;
    made.id = {substitution.text(id, reader.place("id"), "id"), reader.place("id")};
    made.label = substitution.text(label, reader.place("label"), "label");
    made.latex = substitution.latex(latex);
    check_row_id(made.id.value, made.id.place);
    made.joined_with = joined_with;
    if (reader.find("start_from") != nullptr) {
      made.start_from = {substitution.text(start_from.value, start_from.place, "start_from"), start_from.place};
      check_row_id(made.start_from.value, made.start_from.place, "start_from");
    }
    check_title(made.label, "label", reader.place("label"));
    made.settings = overrides;
    if (set != nullptr)
      add_settings(made.settings, substitution.node(*set, "set").members, PackKeys::kRefused, methods);
    made.search = search;
    if (reader.find("search") != nullptr) check_found(made);
    if (reference != nullptr) {
      const Node wanted = substitution.node(*reference, "reference");
      for (const Node& one : wanted.kind == Node::Kind::kTables ? wanted.tables : std::vector<Node>{wanted})
        for (ReferenceRequest& request : read_reference(one, shared_reference))
          made.references.push_back(std::move(request));
    }
    rows.push_back(std::move(made));
  }
  return rows;
}

std::vector<std::string> row_ids(const Node& row) {
  TableReader reader(row, "[[table.row]]");
  const auto id = reader.title("id");
  std::vector<std::string> ids;
  for (const Point& point : points_of(reader.find("grid")))
    ids.push_back(Substitution(point).text(id, reader.place("id"), "id"));
  return ids;
}

}  // namespace resolute::experiments
