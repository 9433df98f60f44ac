#pragma once
//! \file
//! Ranges of settings, told by the key that a suite spells them with. What refuses a value throws MemberError, so that
//! a suite's reader can put the file and line of that key before the message.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace resolute::settings {

//! The largest rate at which an image is made low-resolution.
inline constexpr int kLargestRate = 16;

//! A setting out of range, alone or against others: "key 'train.steps' has the value 0 (…); …", kind kInput.
class MemberError : public core::RuntimeError {
 public:
  //! \param key the member as a suite spells it, e.g. "train.steps"
  //! \param value its value as text, e.g. "0" or "'resnet51'"
  MemberError(std::string key, std::string_view value, std::string_view why, std::string_view suggestion = {});
  const std::string& key() const { return key_; }
  //! The same said of a place in a suite: "PLACE: key '…' has the value … (WHY, CONTEXT); SUGGESTION".
  core::RuntimeError in_suite(std::string_view place, std::string_view context) const;

 private:
  std::string key_;
  std::string value_;
  std::string why_;
  std::string suggestion_;
};

//! "[4, 3]"
std::string text_of(const std::vector<int>& values);

//! low ≤ value ≤ high. This and the others throw MemberError for a value outside.
void check_range(const std::string& key, std::int64_t value, std::int64_t low, std::int64_t high);
//! low ≤ value ≤ high, and no NaN.
void check_real(const std::string& key, double value, double low, double high);
//! 0 < value ≤ high, and no NaN.
void check_positive(const std::string& key, double value, double high);
//! Each low to high.
void check_each(const std::string& key, const std::vector<int>& values, int low, int high);
//! Each low to high, each above the one before; may be empty.
void check_ascending(const std::string& key, const std::vector<int>& values, int low, int high);
//! One of `choices`; suggests the nearest.
void check_choice(const std::string& key, const std::string& value, const std::vector<std::string>& choices);

}  // namespace resolute::settings
