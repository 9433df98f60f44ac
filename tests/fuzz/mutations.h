#pragma once
//! \file
//! How the fuzzers change an input.

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "core/bytes.h"
#include "core/random/random.h"

namespace resolute::tests {

//! Changes an input. \param other of the same format
using Mutation = void (*)(core::Bytes& bytes, const core::Bytes& other, core::RandomStream& random);

//! One change of those that find most: a bit, a byte, a number at its limits, a stretch removed, doubled or taken from
//! another input.
inline void mutate_bytes(core::Bytes& bytes, const core::Bytes& other, core::RandomStream& random) {
  if (bytes.empty()) bytes.push_back(std::byte{0});
  const std::size_t at = random.below(bytes.size());
  const auto offset = static_cast<std::ptrdiff_t>(at);
  const auto stretch = static_cast<std::ptrdiff_t>(std::min<std::size_t>(1 + random.below(16), bytes.size() - at));
  switch (random.below(6)) {
    case 0:
      bytes[at] ^= static_cast<std::byte>(1U << random.below(8));
      break;
    case 1:
      bytes[at] = static_cast<std::byte>(random.below(256));
      break;
    case 2: {
      constexpr std::array<std::uint32_t, 6> kLimits{0, 1, 0x7f, 0x7fffffff, 0x80000000, 0xffffffff};
      const std::uint32_t value = kLimits.at(random.below(kLimits.size()));
      std::memcpy(bytes.data() + at, &value, std::min<std::size_t>(sizeof value, bytes.size() - at));
      break;
    }
    case 3:
      bytes.erase(bytes.begin() + offset, bytes.begin() + offset + stretch);
      break;
    case 4: {
      const core::Bytes doubled(bytes.begin() + offset, bytes.begin() + offset + stretch);
      bytes.insert(bytes.begin() + offset, doubled.begin(), doubled.end());
      break;
    }
    default:
      if (at < other.size())
        std::copy_n(other.begin() + offset, std::min<std::ptrdiff_t>(stretch, std::ssize(other) - offset),
                    bytes.begin() + offset);
  }
}

inline void set_text(core::Bytes& bytes, std::string_view text) {
  const auto changed = core::as_byte_span(text);
  bytes.assign(changed.begin(), changed.end());
}

//! JSON that stays JSON: a number at its limits, a text that means something elsewhere; else any change.
inline void mutate_json(core::Bytes& bytes, const core::Bytes& other, core::RandomStream& random) {
  constexpr std::array<std::string_view, 12> kNumbers{
      "0", "1", "2", "-1", "63", "4096", "100000", "2147483648", "18446744073709551615", "1e400", "1.0", "null"};
  constexpr std::array<std::string_view, 9> kTexts{"..",   "../../etc/passwd", "/etc/passwd", "a\\\\..\\\\b", "\\u0000",
                                                   "a//b", "\xc3\x28",         "official",    "\\n"};
  std::string text(core::as_text(bytes));
  const std::size_t at = text.empty() ? 0 : random.below(text.size());
  const auto is_digit = [&](std::size_t i) { return std::isdigit(static_cast<unsigned char>(text[i])) != 0; };
  if (const std::size_t digit = text.find_first_of("0123456789", at); random.below(3) == 0 && digit < text.size()) {
    std::size_t end = digit;
    while (end < text.size() && is_digit(end)) ++end;
    text.replace(digit, end - digit, kNumbers.at(random.below(kNumbers.size())));
  } else if (const std::size_t quote = text.find(":\"", at); random.below(2) == 0 && quote != std::string::npos) {
    const std::size_t begin = quote + 2, end = std::min(text.find('"', begin), text.size());
    text.replace(begin, end - begin, kTexts.at(random.below(kTexts.size())));
  } else {
    return mutate_bytes(bytes, other, random);
  }
  set_text(bytes, text);
}

//! A list that stays one: something that matters to CSV, to paths or to a column's range; else any change.
inline void mutate_list(core::Bytes& bytes, const core::Bytes& other, core::RandomStream& random) {
  constexpr std::array<std::string_view, 24> kPieces{
      ",",  "\"",           "\"\"",     "\n",   "\r\n", "\r",        "/",         "..",      "../",
      "\\", "\xef\xbb\xbf", "\xc2\x80", "\xff", "0",    "1,1,train", "999999999", "gallery", "path,identity,camera\n",
      ";",  "\t",           ".0",       "C",    ",,\n", "sep=;\n"};
  if (random.below(3) == 0) return mutate_bytes(bytes, other, random);
  std::string text(core::as_text(bytes));
  const std::size_t at = random.below(text.size() + 1);
  const std::size_t replaced = random.below(2) == 0 ? 0 : random.below(4);
  text.replace(at, replaced, kPieces.at(random.below(kPieces.size())));
  set_text(bytes, text);
}

//! Lines of words that stay such: a line or a word of another input, or doubled, or away; a number at its limits; else
//! any change.
inline void mutate_lines(core::Bytes& bytes, const core::Bytes& other, core::RandomStream& random) {
  constexpr std::array<std::string_view, 10> kNumbers{
      "0", "-1", "2147483648", "9223372036854775808", "1e400", "999999999999", "nan", "\"\"", "[]", "true"};
  std::string text(core::as_text(bytes));
  const std::string_view source = core::as_text(other);
  const auto line_of = [&](std::string_view from) {
    const std::size_t at = from.empty() ? 0 : random.below(from.size());
    const std::size_t before = from.substr(0, at).rfind('\n');
    const std::size_t begin = before == std::string_view::npos ? 0 : before + 1;
    const std::size_t end = std::min(from.find('\n', begin), from.size());
    return std::pair(begin, std::min(end + 1, from.size()));
  };
  const auto [begin, end] = line_of(text);
  switch (random.below(5)) {
    case 0:
      text.erase(begin, end - begin);
      break;
    case 1:
      text.insert(begin, text.substr(begin, end - begin));
      break;
    case 2: {
      const auto [first, last] = line_of(source);
      text.insert(begin, source.substr(first, last - first));
      break;
    }
    case 3: {
      const std::size_t digit = text.find_first_of("0123456789", begin);
      if (digit == std::string::npos) return mutate_bytes(bytes, other, random);
      const std::size_t after = std::min(text.find_first_not_of("0123456789", digit), text.size());
      text.replace(digit, after - digit, kNumbers.at(random.below(kNumbers.size())));
      break;
    }
    default:
      return mutate_bytes(bytes, other, random);
  }
  set_text(bytes, text);
}

}  // namespace resolute::tests
