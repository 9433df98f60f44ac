#include "settings/member_checks.h"

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

core::RuntimeError MemberError::about(std::string_view giver) const {
  return core::input_error(fmt::format("{} has the value {}", giver, value_), why_, suggestion_);
}

std::string text_of(const std::vector<int>& values) { return fmt::format("[{}]", fmt::join(values, ", ")); }

std::string text_of(const std::vector<double>& values) { return fmt::format("[{}]", fmt::join(values, ", ")); }

void check_range(const std::string& key, std::int64_t value, std::int64_t low, std::int64_t high) {
  if (value < low || value > high) throw MemberError(key, value, fmt::format("it must be {} to {}", low, high));
}

}  // namespace resolute::settings
