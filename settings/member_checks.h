#pragma once
//! \file
//! Ranges of settings, told by the key that a suite spells them with. Checks throw MemberError, so that a suite's
//! reader can put the file and line of that key before the message.

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/error.h"
#include "settings/choice.h"

namespace resolute::settings {

//! The largest rate at which an image is made low-resolution.
inline constexpr int kLargestRate = 16;

//! Values as messages have them: "[4, 3]", "3", "'drawn'".
std::string text_of(const std::vector<int>& values);
std::string text_of(const std::vector<double>& values);
template <class T>
requires std::is_arithmetic_v<T> std::string text_of(T value) { return fmt::format("{}", value); }
template <Choice E>
std::string text_of(E value) {
  return fmt::format("'{}'", word(value));
}

//! A setting out of range, alone or against others: "key 'train.steps' has the value 0 (…); …", kind kInput.
class MemberError : public core::RuntimeError {
 public:
  //! \param key the member as a suite spells it, e.g. "train.steps"
  //! \param value its value as text, e.g. "0" or "'resnet51'"
  MemberError(std::string key, std::string_view value, std::string_view why, std::string_view suggestion = {});
  //! \param value a number, a list of them or a word of a set: in quotes
  template <class T>
  requires(!std::convertible_to<T, std::string_view>)
      MemberError(std::string key, const T& value, std::string_view why, std::string_view suggestion = {})
      : MemberError(std::move(key), text_of(value), why, suggestion) {}
  const std::string& key() const { return key_; }
  //! The same said of a place in a suite: "PLACE: key '…' has the value … (WHY, CONTEXT); SUGGESTION".
  core::RuntimeError in_suite(std::string_view place, std::string_view context) const;
  //! The same about the one that gave the value: "GIVER has the value …", e.g. of "option --lr-side".
  core::RuntimeError about(std::string_view giver) const;

 private:
  std::string key_;
  std::string value_;
  std::string why_;
  std::string suggestion_;
};

//! \throws MemberError unless low ≤ value ≤ high
void check_range(const std::string& key, std::int64_t value, std::int64_t low, std::int64_t high);

}  // namespace resolute::settings
