#pragma once
//! \file
//! Closed sets of words: an enum, and the word for each of its values in specifications and suites. A set is
//!
//!     enum class Decay { kAll, kWeights };
//!     constexpr auto words_of(Decay) { return words("all", "weights"); }
//!
//! in the namespace of the enum. The words have the order of the enumerators, which count from 0. A missing or spare
//! word does not compile.

#include <array>
#include <concepts>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/files/json.h"

namespace resolute::settings {

//! The array that a set's words_of() returns.
template <std::convertible_to<std::string_view>... Words>
constexpr std::array<std::string_view, sizeof...(Words)> words(Words... each) {
  return {std::string_view(each)...};
}

template <class E>
concept Choice = std::is_enum_v<E> && requires {
  words_of(E{});
};

namespace choice_detail {

//! Compilers print an enum's value by its name, and "(E)7" where none has it.
template <auto value>
constexpr bool is_enumerator() {
  const std::string_view text = __PRETTY_FUNCTION__;
  return text[text.find("value = ") + 8] != '(';
}

}  // namespace choice_detail

//! \throws RuntimeError (kInput): "PLACE has the value 'TEXT' (it must be one of WORDS); did you mean 'WORD'"
//! \param place "s.toml:3:1: key 'decay'", "option --lr-side"
[[noreturn]] void refuse_word(std::string_view place, std::string_view text, const std::vector<std::string>& words);

//! The words of the set, in the order of its values.
template <Choice E>
std::vector<std::string> word_list() {
  constexpr auto all = words_of(E{});
  return {all.begin(), all.end()};
}

//! The word of a value.
template <Choice E>
constexpr std::string_view word(E value) {
  constexpr auto all = words_of(E{});
  static_assert(choice_detail::is_enumerator<static_cast<E>(all.size() - 1)>(), "more words than values");
  static_assert(!choice_detail::is_enumerator<static_cast<E>(all.size())>(), "fewer words than values");
  return all.at(static_cast<std::size_t>(value));
}

//! The value of a word; nothing where the set has no such word.
template <Choice E>
constexpr std::optional<E> from_word(std::string_view text) {
  constexpr auto all = words_of(E{});
  for (std::size_t i = 0; i < all.size(); ++i)
    if (all[i] == text) return static_cast<E>(i);
  return std::nullopt;
}

//! The same. \throws as refuse_word() if the set has no such word
template <Choice E>
E parse_word(std::string_view text, std::string_view place) {
  if (const auto value = from_word<E>(text)) return *value;
  refuse_word(place, text, word_list<E>());
}

//! The member of an object as a value of the set. \throws RuntimeError (kInput), naming place and key: it is missing,
//! no string, or none of the words; the nearest is suggested
template <Choice E>
E required(core::ObjectReader& object, const std::string& key) {
  return parse_word<E>(object.required<std::string>(key), fmt::format("{}: key '{}'", object.where(), key));
}

//! For messages of tests. Another namespace with sets needs `using settings::operator<<;`.
template <Choice E>
std::ostream& operator<<(std::ostream& out, E value) {
  return out << word(value);
}

}  // namespace resolute::settings
