#include "experiments/language/toml_document.h"

#include <toml++/toml.h>

#include <algorithm>
#include <cmath>

namespace resolute::experiments {
namespace {

constexpr std::size_t kLargestText = std::size_t{4} << 20;
constexpr int kDeepest = 32;

std::string place_of(const std::string& file, const toml::source_position& position) {
  return fmt::format("{}:{}:{}", file, position.line, position.column);
}

//! The line and column of the byte `at` of the text; columns count characters.
toml::source_position position_of(std::string_view text, std::size_t at) {
  const std::string_view before = text.substr(0, at);
  const auto is_character = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; };
  const std::string_view line = before.substr(before.rfind('\n') + 1);
  return {static_cast<toml::source_index>(1 + std::count(before.begin(), before.end(), '\n')),
          static_cast<toml::source_index>(1 + std::count_if(line.begin(), line.end(), is_character))};
}

//! The text of a line, from 1.
std::string_view line_of(std::string_view text, toml::source_index number) {
  std::size_t begin = 0;
  for (toml::source_index line = 1; line < number; ++line) begin = text.find('\n', begin) + 1;
  return text.substr(begin, text.find('\n', begin) - begin);
}

//! The bare key whose value the place is in; empty where the line has none before it.
std::string_view key_before(std::string_view line, const toml::source_position& at) {
  const std::string_view key = line.substr(0, line.find_first_of(" \t=[{\"'#"));
  const auto equals = line.find_first_not_of(" \t", key.size());
  const bool in_value = !key.empty() && equals != line.npos && line[equals] == '=' && at.column > equals;
  return in_value ? key : std::string_view();
}

[[noreturn]] void refuse_depth(const std::string& place) {
  throw core::input_error(fmt::format("{}: not usable TOML", place),
                          fmt::format("nested deeper than {} levels", kDeepest));
}

//! Reads the text before the parser does. It refuses brackets and dotted keys that nest deeper than kDeepest: the
//! parser builds and frees a table a level by recursion, and a megabyte of "a.a.a…" would run off the end of the stack.
//! It refuses a string without an end too, which the parser calls a forbidden character.
class FirstLook {
 public:
  FirstLook(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  void run() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"' || c == '\'')
        skip_string(c);
      else if (c == '#')
        skip_comment();
      else
        take(c);
    }
  }

 private:
  void take(char c) {
    ++at_;
    if (c == '\n' || c == '=' || c == ',') dots_ = 0;
    if (c == '.') ++dots_;
    if (c == '[' || c == '{') ++brackets_;
    if (c == ']' || c == '}') --brackets_;
    if (brackets_ > kDeepest || dots_ > kDeepest) refuse_depth(place_of(file_, position_of(text_, at_ - 1)));
  }

  void skip_comment() {
    while (at_ < text_.size() && text_[at_] != '\n') ++at_;
  }

  void skip_string(char quote) {
    const std::string fence(3, quote);
    const bool multi_line = text_.substr(at_, 3) == fence;
    const std::size_t begin = at_;
    at_ += multi_line ? 3 : 1;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\n' && !multi_line) break;
      if (c == '\\' && quote == '"' && (multi_line || text_.substr(at_ + 1, 1) != "\n")) {
        at_ += 2;
      } else if (multi_line ? text_.substr(at_, 3) == fence : c == quote) {
        at_ += multi_line ? 3 : 1;
        // Up to two more quotes may belong to the end of a multi-line string.
        for (int i = 0; multi_line && i < 2 && at_ < text_.size() && text_[at_] == quote; ++i) ++at_;
        return;
      } else {
        ++at_;
      }
    }
    const auto at = position_of(text_, begin);
    const std::string_view key = key_before(line_of(text_, at.line), at);
    throw core::input_error(
        fmt::format("{}: {} quote that is not closed", place_of(file_, at),
                    key.empty() ? std::string("a") : fmt::format("key '{}' is followed by a", key)),
        multi_line ? "the text of three quotes goes on to the end of the file" : "a text ends on the line it begins on",
        fmt::format("end it with {}", multi_line ? fence : std::string(1, quote)));
  }

  std::string_view text_;
  const std::string& file_;
  std::size_t at_ = 0;
  int brackets_ = 0;
  int dots_ = 0;
};

class Converter {
 public:
  explicit Converter(const std::string& file) : file_(file) {}

  Node table(const toml::table& from, const toml::source_position& at, int depth) const {
    using Entry = std::pair<toml::source_position, Member>;
    std::vector<Entry> entries;
    for (const auto& [key, value] : from) {
      const auto begin = key.source().begin;
      entries.emplace_back(begin, Member{std::string(key.str()), node(value, begin, depth + 1, key.str())});
    }
    std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.first < b.first; });
    Node result{Node::Kind::kTable, place_of(file_, at), {}, {}, {}};
    for (auto& [begin, member] : entries) result.members.push_back(std::move(member));
    return result;
  }

 private:
  Node node(const toml::node& from, const toml::source_position& at, int depth, std::string_view key) const {
    if (depth > kDeepest) refuse_depth(place_of(file_, at));
    if (const auto* members = from.as_table()) return table(*members, at, depth);
    if (const auto* list = from.as_array()) {
      const auto count = std::count_if(list->begin(), list->end(), [](const auto& item) { return item.is_table(); });
      if (count > 0) {
        if (static_cast<std::size_t>(count) != list->size())
          throw core::input_error(
              fmt::format("{}: key '{}' holds a list that mixes tables and values", place_of(file_, at), key));
        return list_of_tables(*list, at, depth);
      }
    }
    return {Node::Kind::kValue, place_of(file_, at), value(from, at, key), {}, {}};
  }

  Node list_of_tables(const toml::array& list, const toml::source_position& at, int depth) const {
    Node result{Node::Kind::kTables, place_of(file_, at), {}, {}, {}};
    for (const auto& item : list) result.tables.push_back(table(*item.as_table(), item.source().begin, depth + 1));
    return result;
  }

  core::Json value(const toml::node& from, const toml::source_position& at, std::string_view key) const {
    const auto refuse = [&](std::string_view problem, std::string_view why) {
      throw core::input_error(fmt::format("{}: key '{}' holds {}", place_of(file_, at), key, problem), why);
    };
    if (const auto* text = from.as_string()) return text->get();
    if (const auto* integer = from.as_integer()) return integer->get();
    if (const auto* boolean = from.as_boolean()) return boolean->get();
    if (const auto* number = from.as_floating_point()) {
      if (!std::isfinite(number->get())) refuse("a number that is not finite", {});
      return number->get();
    }
    if (const auto* list = from.as_array()) {
      core::Json items = core::Json::array();
      for (const auto& item : *list) {
        if (item.is_table()) refuse("a list of lists of tables", "values are needed");
        items.push_back(value(item, at, key));
      }
      return items;
    }
    refuse("a date or time", "no key takes one");
    return {};
  }

  const std::string& file_;
};

std::string one_line(std::string_view text) {
  std::string line;
  for (char c : text) line += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  return line;
}

//! The problem at a place of the text, told by the key of its line where the parser was past one.
core::RuntimeError not_toml(std::string_view text, const std::string& file, const toml::parse_error& error) {
  const toml::source_position at = error.source().begin;
  const std::string why = one_line(error.description());
  const std::string_view line = line_of(text, at.line);
  constexpr std::string_view kTwice = "cannot redefine existing ";
  if (const auto found = why.find(kTwice); found != std::string::npos && why.find('\'', found) != std::string::npos) {
    const std::string_view quoted = std::string_view(why).substr(why.find('\'', found));
    const std::string_view key = quoted.substr(1, quoted.find('\'', 1) - 1), word = key.substr(key.rfind('.') + 1);
    // The line of a value, or of a header's begin.
    const auto stands = line.rfind(word, at.column < 2 ? line.npos : at.column - 2);
    const toml::source_position place =
        stands == line.npos ? at : position_of(text, static_cast<std::size_t>(line.data() - text.data()) + stands);
    return core::input_error(fmt::format("{}: key '{}' stands twice", place_of(file, place), key));
  }
  const std::string_view key = key_before(line, at);
  if (key.empty()) return core::input_error(fmt::format("{}: not TOML", place_of(file, at)), why);
  const bool bare = why.find("value type") != std::string::npos || why.find("boolean") != std::string::npos;
  return core::input_error(fmt::format("{}: key '{}' is followed by what is not TOML", place_of(file, at), key), why,
                           bare ? "write words in double quotes" : "");
}

toml::table parse(std::string_view text, const std::string& file) {
  try {
    return toml::parse(text, std::string_view(file));
  } catch (const toml::parse_error& error) {
    throw not_toml(text, file, error);
  }
}

}  // namespace

Node parse_toml(std::string_view text, const std::string& file) {
  if (text.size() > kLargestText)
    throw core::input_error(fmt::format("{}: {} bytes", place_of(file, {1, 1}), text.size()),
                            fmt::format("at most {} are read", kLargestText));
  if (constexpr std::size_t kFormatsFirst = 16; text.substr(0, kFormatsFirst).find('\0') != text.npos)
    throw core::input_error(fmt::format("{}: no text", place_of(file, {1, 1})), "one of its first bytes is 0",
                            "a bundle is unzipped first");
  FirstLook(text, file).run();
  return Converter(file).table(parse(text, file), {1, 1}, 0);
}

Node parse_toml_value(const std::string& value, const std::string& place) {
  if (!core::is_utf8(value)) throw core::input_error(fmt::format("{}: the value is not UTF-8", place));
  Node as_text{Node::Kind::kValue, place, value, {}, {}};
  if (value.size() > kLargestText || value.find_first_of("\r\n") != std::string::npos) return as_text;
  Node document;
  try {
    document = parse_toml("value = " + value, place);
  } catch (const core::RuntimeError&) {
    return as_text;
  }
  if (document.members.size() != 1 || document.members[0].node.kind != Node::Kind::kValue) return as_text;
  Node node = std::move(document.members[0].node);
  node.place = place;
  return node;
}

}  // namespace resolute::experiments
