#include "core/files/json.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace resolute::core {
namespace {

constexpr int kMaxDepth = 64;

template <class T>
std::string_view to_text(std::array<char, 32>& buffer, T value) {
  auto [end, status] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  RESOLUTE_EXPECT(status == std::errc(), "a number does not fit 32 characters");
  return {buffer.data(), static_cast<std::size_t>(end - buffer.data())};
}

void write_double(std::string& to, double value) {
  RESOLUTE_EXPECT(std::isfinite(value), "canonical JSON cannot hold NaN or infinity");
  std::array<char, 32> buffer;
  const std::string_view text = to_text(buffer, value);
  to += text;
  if (text.find_first_of(".e") == std::string_view::npos) to += ".0";
}

// The library's writer is made anew for each value that it is asked for: it is left what needs an escape.
void write_string(std::string& to, const std::string& value) {
  const bool plain = std::ranges::all_of(value, [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; });
  if (!plain) {
    to += Json(value).dump();
    return;
  }
  to += '"';
  to += value;
  to += '"';
}

void write_canonical(std::string& to, const Json& value) {
  std::array<char, 32> buffer;
  switch (value.type()) {
    case Json::value_t::object: {
      // nlohmann::json keeps object keys in std::map order, which is byte order.
      char before = '{';
      for (const auto& [key, item] : value.get_ref<const Json::object_t&>()) {
        to += std::exchange(before, ',');
        write_string(to, key);
        to += ':';
        write_canonical(to, item);
      }
      if (value.empty()) to += '{';
      to += '}';
      break;
    }
    case Json::value_t::array: {
      char before = '[';
      for (const Json& item : value) {
        to += std::exchange(before, ',');
        write_canonical(to, item);
      }
      if (value.empty()) to += '[';
      to += ']';
      break;
    }
    case Json::value_t::string:
      write_string(to, value.get_ref<const std::string&>());
      break;
    case Json::value_t::number_float:
      write_double(to, value.get<double>());
      break;
    case Json::value_t::number_integer:
      to += to_text(buffer, value.get<std::int64_t>());
      break;
    case Json::value_t::number_unsigned:
      to += to_text(buffer, value.get<std::uint64_t>());
      break;
    default:
      to += value.dump();
  }
}

}  // namespace

Json parse_json(std::string_view text, std::string_view where) {
  // One set of keys an open object: the library keeps the last of two equal keys in silence.
  std::vector<std::set<std::string>> open_keys;
  std::string refusal;
  auto callback = [&](int, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) open_keys.emplace_back();
    if (event == Json::parse_event_t::object_end) open_keys.pop_back();
    if (event == Json::parse_event_t::key && !open_keys.back().insert(parsed.get<std::string>()).second &&
        refusal.empty())
      refusal = fmt::format("key '{}' stands twice", parsed.get<std::string>());
    return refusal.empty();
  };
  // The parser recurses a level a bracket; a hostile text must not reach the end of the stack.
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (in_string) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxDepth)
        throw input_error(fmt::format("{}: not usable JSON", where),
                          fmt::format("nested deeper than {} levels", kMaxDepth));
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  Json value;
  try {
    value = Json::parse(text.begin(), text.end(), callback);
  } catch (const Json::exception& error) {
    std::string why = error.what();
    auto colon = why.find("] ");
    if (colon != std::string::npos) why = why.substr(colon + 2);
    throw input_error(fmt::format("{}: not JSON", where), why);
  }
  if (!refusal.empty()) throw input_error(fmt::format("{}: not usable JSON", where), refusal);
  return value;
}

std::string canonical_json(const Json& value) {
  std::string text;
  write_canonical(text, value);
  return text;
}

bool is_utf8(std::string_view text) {
  try {
    return !Json(text).dump().empty();
  } catch (const Json::type_error&) {
    return false;
  }
}

CanonicalText::CanonicalText(double value) { write_double(text_, value); }

CanonicalText::CanonicalText(const std::string& value) {
  text_.reserve(value.size() + 2);
  write_string(text_, value);
}

CanonicalText::CanonicalText(const std::vector<int>& values) { text_ = fmt::format("[{}]", fmt::join(values, ",")); }

CanonicalText::CanonicalText(const std::vector<double>& values) {
  text_ = "[";
  for (const double value : values) {
    if (text_.size() > 1) text_ += ',';
    write_double(text_, value + 0.0);
  }
  text_ += ']';
}

CanonicalText::CanonicalText(std::initializer_list<Member> members) { add_object({members.begin(), members.end()}); }

CanonicalText::CanonicalText(const std::vector<Member>& members) { add_object(members); }

void CanonicalText::add_object(std::span<const Member> members) {
  std::vector<const Member*> sorted;
  std::size_t size = 2;
  for (const Member& member : members) {
    sorted.push_back(&member);
    size += member.first.size() + member.second.text_.size() + 4;
  }
  std::ranges::sort(sorted, [](const Member* a, const Member* b) { return a->first < b->first; });
  text_.reserve(size);
  text_ += '{';
  for (const Member* member : sorted) {
    if (text_.size() > 1) text_ += ',';
    text_ += '"';
    text_ += member->first;
    text_ += "\":";
    text_ += member->second.text_;
  }
  text_ += '}';
}

ObjectReader::ObjectReader(const Json& object, std::string where) : object_(object), where_(std::move(where)) {
  if (!object.is_object())
    throw input_error(fmt::format("{}: the JSON is of type '{}'", where_, object.type_name()), "an object is needed");
}

const Json* ObjectReader::find(const std::string& key) {
  asked_.insert(key);
  auto found = object_.find(key);
  return found == object_.end() ? nullptr : &*found;
}

void ObjectReader::finish() const {
  for (const auto& [key, value] : object_.items()) {
    if (asked_.contains(key)) continue;
    throw input_error(fmt::format("{}: unknown key '{}'", where_, key), {},
                      fmt::format("known keys are {}", fmt::join(asked_, ", ")));
  }
}

RuntimeError ObjectReader::type_error(const std::string& key, std::string_view expected, const Json& found) const {
  std::string text = found.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return input_error(fmt::format("{}: key '{}' has the value {}", where_, key, text),
                     fmt::format("{} is needed", expected));
}

int read_schema(ObjectReader& object, std::string_view kind, int newest, std::string_view suggestion) {
  const auto schema = object.required<int>("schema");
  if (schema >= 1 && schema <= newest) return schema;
  throw input_error(fmt::format("{}: {} schema {} is unknown", object.where(), kind, schema),
                    fmt::format("1 to {} are known", newest), suggestion);
}

}  // namespace resolute::core
