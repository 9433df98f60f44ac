#pragma once
//! \file
//! Each settings struct describes its members once. Reading and writing of JSON, range checks, documentation and the
//! generator of random values follow from the description. A struct describes itself by
//!
//!     static void members(auto&& visit) {
//!       visit(member("steps", &Recipe::steps, between(1, kMostSteps), "optimiser steps"));
//!       …
//!     }
//!
//! A member's default is its initialiser in the struct. A choice (choice.h) needs no rule, since its type says which
//! values it has. A description that is not used costs nothing.

#include <algorithm>
#include <concepts>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/files/json.h"
#include "settings/choice.h"
#include "settings/member_checks.h"

namespace resolute::settings {

//! Which values a member may have; for a list, which values each element may have.
struct Rule {
  enum class Kind {
    kAny,         //!< whatever the type holds (the struct's own checks may refuse some)
    kBetween,     //!< low to high
    kAbove,       //!< above low, at most high
    kAscending,   //!< a list: each low to high, each above the one before
    kDescending,  //!< a list: each low to high, each below the one before
    kInterval,    //!< a list: empty, or a lowest and a highest value, each low to high
  };
  Kind kind = Kind::kAny;
  double low = 0;
  double high = 0;
  bool may_be_empty = true;  //!< a list

  //! True for at_least(): there is no upper limit but the type's.
  constexpr bool has_no_end() const { return high == std::numeric_limits<int>::max(); }
};

constexpr Rule any() { return {}; }
constexpr Rule between(double low, double high) { return {Rule::Kind::kBetween, low, high}; }
constexpr Rule at_least(double low) { return {Rule::Kind::kBetween, low, std::numeric_limits<int>::max()}; }
constexpr Rule above_zero(double high) { return {Rule::Kind::kAbove, 0, high}; }
constexpr Rule ascending(double low, double high) { return {Rule::Kind::kAscending, low, high}; }
constexpr Rule descending(double low, double high) { return {Rule::Kind::kDescending, low, high, false}; }
constexpr Rule interval(double low, double high) { return {Rule::Kind::kInterval, low, high}; }
//! Rates r of low-resolution images, ascending.
constexpr Rule rates() { return ascending(1, kLargestRate); }
constexpr Rule some_rates() { return {Rule::Kind::kAscending, 1, kLargestRate, false}; }

//! One member of a struct S.
template <class S, class T>
struct Described {
  using Struct = S;
  using Type = T;

  std::string_view key;  //!< in JSON
  T S::*at;
  Rule rule;
  std::string_view help;       //!< one line, with the unit
  std::string_view suite_key;  //!< in suites, behind the section's dot; empty: no suite sets it alone
  int schema = 1;              //!< of the first file format that has it; see since()
  int new_value_schema = 1;    //!< of the first that has `new_value`
  std::optional<T> new_value = {};
  bool silent = false;                   //!< see silent_at_default()
  bool (*deviates)(const S&) = nullptr;  //!< see deviation()
  std::string_view paper{};

  //! Suites use another key than JSON. With "" suites cannot set the member by itself.
  constexpr Described spelled(std::string_view in_suites) const {
    Described other = *this;
    other.suite_key = in_suites;
    return other;
  }
  //! Files of a lower schema than this one do not have the member (docs/inside/formats/manifest.md). It has its default
  //! there.
  constexpr Described since(int first_schema) const {
    Described other = *this;
    other.schema = first_schema;
    return other;
  }
  //! The member is not written where it has its default, in files and in specifications. So jobs and files that do not
  //! use it keep their ids and hashes.
  constexpr Described silent_at_default() const {
    Described other = *this;
    other.silent = true;
    return other;
  }
  //! If `holds`, the member has a value that is not the paper's: tables mark the row. \param of_paper what the paper
  //! has, in a few words
  constexpr Described deviation(bool (*holds)(const S&), std::string_view of_paper) const {
    Described other = *this;
    other.deviates = holds;
    other.paper = of_paper;
    return other;
  }
  //! Files of a lower schema than this one do not have this value of the member.
  constexpr Described since(int first_schema, T value) const {
    Described other = *this;
    other.new_value_schema = first_schema;
    other.new_value = std::move(value);
    return other;
  }
};

//! The types whose values check_members() compares with a rule. A rule of another type would never be used.
template <class T>
concept Ruled = std::same_as<T, int> || std::same_as<T, double> || std::same_as<T, std::vector<int>> ||
    std::same_as<T, std::vector<double>>;

template <class S, Ruled T>
constexpr Described<S, T> member(std::string_view key, T S::*at, Rule rule, std::string_view help) {
  return {key, at, rule, help, key};
}

template <class S, class T>
constexpr Described<S, T> member(std::string_view key, T S::*at, std::string_view help) {
  return {key, at, any(), help, key};
}

//! A struct that describes itself.
template <class S>
concept Settings = std::is_class_v<S> && requires {
  S::members([](const auto&) {});
};

namespace member_detail {

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};

inline std::string inside(const std::string& where, std::string_view key) {
  return fmt::format("{}: in '{}'", where, key);
}

void check_rule(const std::string& key, std::int64_t value, const Rule& rule);
void check_rule(const std::string& key, double value, const Rule& rule);
void check_rule(const std::string& key, const std::vector<int>& values, const Rule& rule);
void check_rule(const std::string& key, const std::vector<double>& values, const Rule& rule);

}  // namespace member_detail

//! A value as JSON. -0.0 becomes 0.0, a choice its word, and settings an object of all their members but those that are
//! silent and have their default.
template <class T>
core::CanonicalText canonical(const T& value) {
  if constexpr (Settings<T>) {
    std::vector<core::CanonicalText::Member> members;
    const T defaults;
    T::members([&](const auto& one) {
      if (!one.silent || value.*one.at != defaults.*one.at) members.emplace_back(one.key, canonical(value.*one.at));
    });
    return members;
  } else if constexpr (member_detail::IsOptional<T>::value) {
    return value ? canonical(*value) : core::CanonicalText();
  } else if constexpr (Choice<T>) {
    return std::string(word(value));
  } else if constexpr (std::is_floating_point_v<T>) {
    return value + 0.0;
  } else {
    return value;
  }
}

template <Settings S>
S read(core::ObjectReader& object);

//! The inverse, strict. \throws RuntimeError (kInput), naming `where` and the key: unknown or missing members, wrong
//! types, unknown words. Ranges: check().
template <Settings S>
S from_json(const core::Json& json, const std::string& where) {
  core::ObjectReader object(json, where);
  S result = read<S>(object);
  object.finish();
  return result;
}

//! The lowest schema that can express these settings. A file that was published under it keeps its bytes.
template <Settings S>
int schema_of(const S& value) {
  const S defaults;
  int schema = 1;
  S::members([&](const auto& one) {
    if (value.*one.at != defaults.*one.at) schema = std::max(schema, one.schema);
    if (one.new_value && value.*one.at == *one.new_value) schema = std::max(schema, one.new_value_schema);
  });
  return schema;
}

//! The highest schema that a member of S, or a value of a member, needs.
template <Settings S>
int newest_schema() {
  int schema = 1;
  S::members([&](const auto& one) { schema = std::max({schema, one.schema, one.new_value_schema}); });
  return schema;
}

//! canonical() as Json, without the members that need a higher schema. \param schema schema_of() or higher
template <Settings S>
core::Json to_json(const S& value, int schema = std::numeric_limits<int>::max()) {
  core::Json json = core::Json::parse(canonical(value).text());
  S::members([&](const auto& one) {
    if (one.schema > schema) json.erase(std::string(one.key));
  });
  return json;
}

//! The JSON of a file of this schema with the members that need a higher one added, at their defaults. \throws
//! RuntimeError (kInput) opening with `where` if the file has such a member
template <Settings S>
core::Json completed(core::Json json, int schema, const std::string& where) {
  const core::Json defaults = to_json(S());
  S::members([&](const auto& one) {
    const std::string key(one.key);
    if (one.schema <= schema || !json.is_object()) return;
    if (one.silent ? json.contains(key) : !json.emplace(key, defaults.at(key)).second)
      throw core::input_error(fmt::format("{}: key '{}' stands under schema {}", where, key, schema),
                              fmt::format("it came with schema {}", one.schema));
  });
  return json;
}

//! A member of an object as a T.
template <class T>
T read_member(core::ObjectReader& object, const std::string& key) {
  if constexpr (Choice<T>) {
    return required<T>(object, key);
  } else if constexpr (Settings<T>) {
    return from_json<T>(object.required<core::Json>(key), member_detail::inside(object.where(), key));
  } else if constexpr (member_detail::IsOptional<T>::value) {
    const auto json = object.required<core::Json>(key);
    if (json.is_null()) return std::nullopt;
    return from_json<typename T::value_type>(json, member_detail::inside(object.where(), key));
  } else {
    return object.required<T>(key);
  }
}

//! Reads the members of S out of an object.
template <Settings S>
S read(core::ObjectReader& object) {
  S result;
  S::members([&](const auto& one) {
    using T = typename std::decay_t<decltype(one)>::Type;
    const std::string key(one.key);
    if (one.silent && object.find(key) == nullptr) return;
    T value = read_member<T>(object, key);
    if (one.silent && value == result.*one.at)
      throw core::input_error(fmt::format("{}: key '{}' has its default", object.where(), key),
                              "it stands there only where it has another value");
    result.*one.at = std::move(value);
  });
  return result;
}

//! from_json(), and then the struct's own check(). \throws RuntimeError (kInput) opening with `where`
template <Settings S>
S checked(const core::Json& json, const std::string& where) {
  S result = from_json<S>(json, where);
  try {
    check(result);
  } catch (const MemberError& error) {
    throw error.at(where);
  }
  return result;
}

//! Checks every member by itself. \param section what suites put before the keys, with its dot: "train."; may be empty
//! \throws MemberError for the first that is out of range
template <Settings S>
void check_members(const S& value, const std::string& section) {
  S::members([&](const auto& one) {
    using T = typename std::decay_t<decltype(one)>::Type;
    const std::string key = section + std::string(one.suite_key.empty() ? one.key : one.suite_key);
    if constexpr (std::is_same_v<T, int>)
      member_detail::check_rule(key, std::int64_t{value.*one.at}, one.rule);
    else if constexpr (Ruled<T>)
      member_detail::check_rule(key, value.*one.at, one.rule);
    else if constexpr (Settings<T>)
      check_members(value.*one.at, key + ".");
  });
}

//! The texts that people read about a member.
struct MemberText {
  std::string type;     //!< "true or false", "integer", "number", "text", "word", "list of integers", "list of numbers"
  core::Json standard;  //!< its default
  Rule rule;
  std::vector<std::string> words;  //!< of a choice
  std::string help;

  //! Its values: "1 to 8", "at least 0", "ascending, each 1 to 16", "a, b, c"; empty: whatever its type holds.
  std::string range() const;
  //! Its default as a suite writes it, but texts and words without quotes; may be empty.
  std::string standard_text() const;
};

template <class S, class T>
MemberText member_text(const Described<S, T>& one) {
  MemberText text{"text", core::Json::parse(canonical(S().*one.at).text()), one.rule, {}, std::string(one.help)};
  if constexpr (Choice<T>) {
    text.type = "word";
    text.words = word_list<T>();
  } else if constexpr (std::is_same_v<T, bool>) {
    text.type = "true or false";
  } else if constexpr (std::is_integral_v<T>) {
    text.type = "integer";
  } else if constexpr (std::is_floating_point_v<T>) {
    text.type = "number";
  } else if constexpr (std::is_same_v<T, std::vector<int>>) {
    text.type = "list of integers";
  } else if constexpr (std::is_same_v<T, std::vector<double>>) {
    text.type = "list of numbers";
  }
  return text;
}

}  // namespace resolute::settings
