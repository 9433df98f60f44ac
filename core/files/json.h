#pragma once
//! \file
//! Strict JSON: parsing with places in messages, reading of objects (an unknown key is an error), and the canonical
//! text from which ids are hashed.

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"

namespace resolute::core {

using Json = nlohmann::json;

//! Parses one JSON document. Refused with a kInput RuntimeError that opens with `where`: syntax errors, trailing text,
//! duplicate keys, nesting over 64 levels, not UTF-8.
Json parse_json(std::string_view text, std::string_view where);

//! The one text of a value: keys sorted by bytes, no white space, integers in decimal, other numbers in the shortest
//! form that reads back to the same double, no NaN or infinity (ContractError), strings escaped minimally in UTF-8.
//! A double with an integral value is written with ".0" so that 1 and 1.0 stay what their type says.
std::string canonical_json(const Json& value);

//! True if a Json of the text can be written.
bool is_utf8(std::string_view text);

//! The text that canonical_json() makes of a value, made without a Json: several times as quick, for values that are
//! hashed a hundred thousand times. Braces work as for a Json: {{"steps", steps}, {"rates", rates}} is an object.
class CanonicalText {
 public:
  using Member = std::pair<std::string_view, CanonicalText>;

  CanonicalText() : text_("null") {}
  template <std::same_as<bool> T>
  CanonicalText(T value) : text_(value ? "true" : "false") {}
  template <std::integral T>
  requires(!std::same_as<T, bool>) CanonicalText(T value) : text_(std::to_string(value)) {}
  //! \throws ContractError for NaN and infinity
  CanonicalText(double value);
  CanonicalText(const std::string& value);
  CanonicalText(const char* value) : CanonicalText(std::string(value)) {}
  CanonicalText(const std::vector<int>& values);
  //! -0.0 becomes 0.0. \throws ContractError for NaN and infinity
  CanonicalText(const std::vector<double>& values);
  //! An object; the members in any order, no key twice and none that needs an escape.
  CanonicalText(std::initializer_list<Member> members);
  CanonicalText(const std::vector<Member>& members);

  const std::string& text() const& { return text_; }
  std::string text() && { return std::move(text_); }

 private:
  void add_object(std::span<const Member> members);

  std::string text_;
};

//! Reads an object key by key and, at finish(), refuses the keys nobody asked for. Every message names `where` and the
//! key.
class ObjectReader {
 public:
  //! \throws RuntimeError (kInput) if `object` is not an object
  ObjectReader(const Json& object, std::string where);
  ObjectReader(Json&& object, std::string where) = delete;  //!< the object outlives its reader

  //! \throws RuntimeError (kInput) if the key is missing or has another type
  template <class T>
  T required(const std::string& key) {
    const Json* found = find(key);
    if (found == nullptr) throw input_error(fmt::format("{}: key '{}' is missing", where_, key));
    return convert<T>(*found, key);
  }
  //! The key's value, or `otherwise` where it is absent.
  template <class T>
  T optional(const std::string& key, T otherwise) {
    const Json* found = find(key);
    return found == nullptr ? std::move(otherwise) : convert<T>(*found, key);
  }
  //! The raw value or nullptr; counts as asked for.
  const Json* find(const std::string& key);
  //! \throws RuntimeError (kInput) naming the first key that was never asked for, and the known ones
  void finish() const;
  const std::string& where() const { return where_; }

 private:
  template <class T>
  T convert(const Json& value, const std::string& key) const {
    if constexpr (std::same_as<T, bool>) {
      if (!value.is_boolean()) throw type_error(key, "true or false", value);
    } else if constexpr (std::integral<T>) {
      if (!value.is_number_integer()) throw type_error(key, "an integer", value);
      if (!fits<T>(value)) throw type_error(key, "an integer in range", value);
    } else if constexpr (std::floating_point<T>) {
      if (!value.is_number()) throw type_error(key, "a number", value);
    } else if constexpr (std::same_as<T, std::string>) {
      if (!value.is_string()) throw type_error(key, "a string", value);
    } else if constexpr (!std::same_as<T, Json>) {
      if (!value.is_array()) throw type_error(key, "a list", value);
      T list;
      for (std::size_t i = 0; i < value.size(); ++i)
        list.push_back(convert<typename T::value_type>(value[i], fmt::format("{}[{}]", key, i)));
      return list;
    }
    return value.get<T>();
  }
  template <std::integral T>
  static bool fits(const Json& value) {
    if (value.is_number_unsigned()) return std::in_range<T>(value.get<std::uint64_t>());
    return std::in_range<T>(value.get<std::int64_t>());
  }
  RuntimeError type_error(const std::string& key, std::string_view expected, const Json& found) const;

  const Json& object_;
  std::string where_;
  std::set<std::string> asked_;
};

//! The object's "schema". \param kind of the object, in messages \throws RuntimeError (kInput) unless it is 1 to
//! `newest`
int read_schema(ObjectReader& object, std::string_view kind, int newest, std::string_view suggestion = {});

}  // namespace resolute::core
