#pragma once
//! \file
//! Numbers in texts.

#include <charconv>
#include <optional>
#include <string_view>

namespace resolute::core {

//! The number that the whole text writes in decimal; nothing for any other text: an empty one, a sign that the type
//! does not take, blanks, more behind it, a number that does not fit.
template <class Number>
std::optional<Number> number_of(std::string_view text) {
  Number value{};
  const char* const end = text.data() + text.size();
  const auto [stop, status] = std::from_chars(text.data(), end, value);
  return status == std::errc() && stop == end ? std::optional(value) : std::nullopt;
}

}  // namespace resolute::core
