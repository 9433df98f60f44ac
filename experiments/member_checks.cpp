#include "experiments/member_checks.h"

#include "experiments/validation.h"

namespace resolute::experiments {

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

void check_ascending(const std::string& key, const std::vector<int>& values, int low, int high) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] < low || values[i] > high)
      throw MemberError(key, text_of(values), fmt::format("each must be {} to {}", low, high));
    if (i > 0 && values[i] <= values[i - 1]) throw MemberError(key, text_of(values), "they must ascend, none twice");
  }
}

}  // namespace resolute::experiments
