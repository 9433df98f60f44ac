#include "experiments/language/table_reader.h"

#include <algorithm>

#include "experiments/specification/validation.h"
#include "settings/names.h"

namespace resolute::experiments {

void check_title(const std::string& text, const std::string& key, const std::string& place) {
  const bool control =
      std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  const bool blank = text.find_first_not_of(' ') == std::string::npos;
  if (blank || control)
    throw core::input_error(fmt::format("{}: key '{}' is not a title", place, key),
                            blank ? "it is blank" : "it holds a control character", "write one line of text");
}

void check_plain_name(const std::string& name, const std::string& key, const std::string& place) {
  if (!is_plain_name(name))
    throw core::input_error(fmt::format("{}: key '{}' has the value '{}'", place, key, name),
                            "a name is 1 to 64 of a-z, 0-9 and '-', not starting with '-'");
}

std::string plain_name(TableReader& reader, const std::string& key) {
  auto name = reader.value<std::string>(key);
  check_plain_name(name, key, reader.place(key));
  return name;
}

void refuse_second(Ids& seen, const std::string& id, const std::string& place) {
  if (!seen.insert(id).second)
    throw core::input_error(fmt::format("{}: key 'id' has the value '{}'", place, id), "it stands twice");
}

TableReader::TableReader(const Node& node, std::string name) : node_(node), name_(std::move(name)) {
  if (node.kind != Node::Kind::kTable)
    throw core::input_error(fmt::format("{}: {} is not a table", node.place, name_), "a table of keys is needed");
}

const Node* TableReader::find(const std::string& key) {
  asked_.insert(key);
  for (const Member& member : node_.members)
    if (member.key == key) return &member.node;
  return nullptr;
}

std::vector<std::string> TableReader::names(const std::string& key, const std::vector<std::string>& known,
                                            const std::function<bool(const std::string&)>& is_known) {
  auto list = value<std::vector<std::string>>(key);
  if (list.empty())
    throw core::input_error(fmt::format("{}: key '{}' is empty", place(key), key), "at least one is needed");
  for (auto name = list.begin(); name != list.end(); ++name) {
    if (!is_known(*name))
      throw core::input_error(fmt::format("{}: key '{}' names '{}'", place(key), key, *name),
                              "there is none of that name", settings::nearest_or_all(*name, known));
    if (std::find(list.begin(), name, *name) != name)
      throw core::input_error(fmt::format("{}: key '{}' names '{}' twice", place(key), key, *name));
  }
  return list;
}

std::vector<std::string> TableReader::names(const std::string& key, const std::vector<std::string>& known) {
  return names(key, known, [&](const std::string& name) { return settings::is_among(known, name); });
}

std::string TableReader::title(const std::string& key) {
  std::string text = value<std::string>(key);
  check_title(text, key, place(key));
  return text;
}

std::vector<const Node*> TableReader::tables(const std::string& key) {
  const Node* found = find(key);
  std::vector<const Node*> list;
  if (found == nullptr) return list;
  for (const Member& member : node_.members)
    if (member.key == key + "s" && found->kind != Node::Kind::kTables)
      throw core::input_error(fmt::format("{}: key '{}' is unknown", member.node.place, member.key), {},
                              fmt::format("did you mean '{}'?", key));
  if (found->kind != Node::Kind::kTables)
    throw core::input_error(fmt::format("{}: key '{}' is not a list of tables", found->place, key), {},
                            "write it as [[…]] in double brackets");
  for (const Node& table : found->tables) list.push_back(&table);
  return list;
}

const std::string& TableReader::place(const std::string& key) const {
  for (const Member& member : node_.members)
    if (member.key == key) return member.node.place;
  return node_.place;
}

std::vector<Member> TableReader::rest() const {
  std::vector<Member> members;
  for (const Member& member : node_.members)
    if (!asked_.contains(member.key)) members.push_back(member);
  return members;
}

void TableReader::finish(const Hint& hint) const {
  for (const Member& member : node_.members) {
    if (asked_.contains(member.key)) continue;
    const std::string better = hint ? hint(member.key) : "";
    throw core::input_error(fmt::format("{}: key '{}' is unknown", member.node.place, member.key), {},
                            better.empty() ? settings::nearest_or_all(member.key, known()) : better);
  }
}

void TableReader::refuse_table(const Node& node, const std::string& key) {
  if (node.kind != Node::Kind::kValue)
    throw core::input_error(fmt::format("{}: key '{}' is a table", node.place, key), "a value is needed");
}

core::RuntimeError TableReader::missing(const std::string& key) const {
  constexpr int kFarthest = 2;
  int nearest = std::min(kFarthest, static_cast<int>(key.size()) - 1) + 1;
  std::string suggestion;
  for (const Member& member : node_.members) {
    const int distance = asked_.contains(member.key) ? nearest : settings::edit_distance(key, member.key, kFarthest);
    if (distance >= nearest) continue;
    nearest = distance;
    suggestion = fmt::format("is '{}' at {} meant for it", member.key, member.node.place);
  }
  return core::input_error(fmt::format("{}: key '{}' is missing", node_.place, key), fmt::format("{} needs it", name_),
                           suggestion);
}

}  // namespace resolute::experiments
