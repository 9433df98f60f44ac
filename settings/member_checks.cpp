#include "settings/member_checks.h"

#include <algorithm>

#include "settings/names.h"

namespace resolute::settings {

MemberError::MemberError(std::string key, std::string_view value, std::string_view why, std::string_view suggestion)
    : core::RuntimeError(core::ErrorKind::kInput, fmt::format("key '{}' has the value {}", key, value), why,
                         suggestion),
      key_(std::move(key)),
      value_(value),
      why_(why),
      suggestion_(suggestion) {}

core::RuntimeError MemberError::in_suite(std::string_view place, std::string_view context) const {
  return core::input_error(fmt::format("{}: key '{}' has the value {}", place, key_, value_),
                           fmt::format("{}, {}", why_, context), suggestion_);
}

std::string text_of(const std::vector<int>& values) { return fmt::format("[{}]", fmt::join(values, ", ")); }

void check_range(const std::string& key, std::int64_t value, std::int64_t low, std::int64_t high) {
  if (value < low || value > high)
    throw MemberError(key, std::to_string(value), fmt::format("it must be {} to {}", low, high));
}

void check_real(const std::string& key, double value, double low, double high) {
  // Written so that NaN fails.
  if (!(value >= low && value <= high))
    throw MemberError(key, fmt::format("{}", value), fmt::format("it must be {} to {}", low, high));
}

void check_positive(const std::string& key, double value, double high) {
  if (!(value > 0 && value <= high))
    throw MemberError(key, fmt::format("{}", value), fmt::format("it must be above 0 and at most {}", high));
}

void check_each(const std::string& key, const std::vector<int>& values, int low, int high) {
  for (const int value : values)
    if (value < low || value > high)
      throw MemberError(key, text_of(values), fmt::format("each must be {} to {}", low, high));
}

void check_ascending(const std::string& key, const std::vector<int>& values, int low, int high) {
  check_each(key, values, low, high);
  if (std::adjacent_find(values.begin(), values.end(), std::greater_equal<>()) != values.end())
    throw MemberError(key, text_of(values), "they must ascend, none twice");
}

void check_choice(const std::string& key, const std::string& value, const std::vector<std::string>& choices) {
  if (std::find(choices.begin(), choices.end(), value) != choices.end()) return;
  throw MemberError(key, "'" + value + "'", fmt::format("it must be one of {}", fmt::join(choices, ", ")),
                    did_you_mean(value, choices));
}

}  // namespace resolute::settings
