#include "experiments/language/toml_document.h"

#include <toml++/toml.h>

#include <algorithm>
#include <cmath>

namespace resolute::experiments {
namespace {

constexpr std::size_t kLargestText = std::size_t{4} << 20;
constexpr int kDeepest = 32;

std::string place_of(const std::string& file, std::size_t line) { return fmt::format("{}:{}", file, line); }

//! Refuses brackets and dotted keys that nest deeper than kDeepest before the parser sees them: it builds and frees a
//! table a level by recursion, and a megabyte of "a.a.a…" would run off the end of the stack.
class NestingCheck {
 public:
  NestingCheck(std::string_view text, const std::string& file) : text_(text), file_(file) {}

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
    if (c == '\n') ++line_;
    if (c == '\n' || c == '=' || c == ',') dots_ = 0;
    if (c == '.') ++dots_;
    if (c == '[' || c == '{') ++brackets_;
    if (c == ']' || c == '}') --brackets_;
    if (brackets_ > kDeepest || dots_ > kDeepest)
      throw core::input_error(fmt::format("{}: not usable TOML", place_of(file_, line_)),
                              fmt::format("nested deeper than {} levels", kDeepest));
  }

  void skip_comment() {
    while (at_ < text_.size() && text_[at_] != '\n') ++at_;
  }

  void skip_string(char quote) {
    const std::string fence(3, quote);
    const bool multi_line = text_.substr(at_, 3) == fence;
    at_ += multi_line ? 3 : 1;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\n') {
        if (!multi_line) return;  // not TOML; the parser will say so
        ++line_;
      }
      if (c == '\\' && quote == '"') {
        if (at_ + 1 < text_.size() && text_[at_ + 1] == '\n') ++line_;
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
  }

  std::string_view text_;
  const std::string& file_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  int brackets_ = 0;
  int dots_ = 0;
};

class Converter {
 public:
  explicit Converter(const std::string& file) : file_(file) {}

  Node table(const toml::table& from, std::size_t line, int depth) const {
    struct Entry {
      toml::source_position position;
      Member member;
    };
    std::vector<Entry> entries;
    for (const auto& [key, value] : from) {
      const auto begin = key.source().begin;
      entries.push_back({begin, {std::string(key.str()), node(value, begin.line, depth + 1, key.str())}});
    }
    std::stable_sort(entries.begin(), entries.end(),
                     [](const Entry& a, const Entry& b) { return a.position < b.position; });
    Node result{Node::Kind::kTable, place_of(file_, line), {}, {}, {}};
    for (Entry& entry : entries) result.members.push_back(std::move(entry.member));
    return result;
  }

 private:
  Node node(const toml::node& from, std::size_t line, int depth, std::string_view key) const {
    if (depth > kDeepest)
      throw core::input_error(fmt::format("{}: not usable TOML", place_of(file_, line)),
                              fmt::format("nested deeper than {} levels", kDeepest));
    if (const auto* members = from.as_table()) return table(*members, line, depth);
    if (const auto* list = from.as_array()) {
      const auto count = std::count_if(list->begin(), list->end(), [](const auto& item) { return item.is_table(); });
      if (count > 0) {
        if (static_cast<std::size_t>(count) != list->size())
          throw core::input_error(fmt::format("{}: a list mixes tables and values", place_of(file_, line)));
        return list_of_tables(*list, line, depth);
      }
    }
    return {Node::Kind::kValue, place_of(file_, line), value(from, line, key), {}, {}};
  }

  Node list_of_tables(const toml::array& list, std::size_t line, int depth) const {
    Node result{Node::Kind::kTables, place_of(file_, line), {}, {}, {}};
    for (const auto& item : list) result.tables.push_back(table(*item.as_table(), item.source().begin.line, depth + 1));
    return result;
  }

  core::Json value(const toml::node& from, std::size_t line, std::string_view key) const {
    if (const auto* text = from.as_string()) return text->get();
    if (const auto* integer = from.as_integer()) return integer->get();
    if (const auto* boolean = from.as_boolean()) return boolean->get();
    if (const auto* number = from.as_floating_point()) {
      if (!std::isfinite(number->get()))
        throw core::input_error(
            fmt::format("{}: key '{}' holds a number that is not finite", place_of(file_, line), key));
      return number->get();
    }
    if (const auto* list = from.as_array()) {
      core::Json items = core::Json::array();
      for (const auto& item : *list) {
        if (item.is_table())
          throw core::input_error(fmt::format("{}: a list holds a table", place_of(file_, line)), "values are needed");
        items.push_back(value(item, line, key));
      }
      return items;
    }
    throw core::input_error(fmt::format("{}: a date or time", place_of(file_, line)), "no key takes one");
  }

  const std::string& file_;
};

std::string one_line(std::string_view text) {
  std::string line;
  for (char c : text) line += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  return line;
}

toml::table parse(std::string_view text, const std::string& file) {
  try {
    return toml::parse(text, std::string_view(file));
  } catch (const toml::parse_error& error) {
    throw core::input_error(fmt::format("{}: not TOML", place_of(file, error.source().begin.line)),
                            one_line(error.description()));
  }
}

}  // namespace

Node parse_toml(std::string_view text, const std::string& file) {
  if (text.size() > kLargestText)
    throw core::input_error(fmt::format("{}: {} bytes", file, text.size()),
                            fmt::format("at most {} are read", kLargestText));
  NestingCheck(text, file).run();
  return Converter(file).table(parse(text, file), 1, 0);
}

Node parse_toml_value(const std::string& value, const std::string& place) {
  const Node as_text{Node::Kind::kValue, place, value, {}, {}};
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
