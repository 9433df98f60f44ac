#include "settings/member.h"

namespace resolute::settings::member_detail {

void check_rule(const std::string& key, std::int64_t value, const Rule& rule) {
  if (rule.kind != Rule::Kind::kAny)
    check_range(key, value, static_cast<std::int64_t>(rule.low), static_cast<std::int64_t>(rule.high));
}

void check_rule(const std::string& key, double value, const Rule& rule) {
  if (rule.kind == Rule::Kind::kBetween) check_real(key, value, rule.low, rule.high);
  if (rule.kind == Rule::Kind::kAbove) check_positive(key, value, rule.high);
}

void check_rule(const std::string& key, const std::vector<int>& values, const Rule& rule) {
  if (values.empty() && !rule.may_be_empty) throw MemberError(key, "[]", "at least one is needed");
  const int low = static_cast<int>(rule.low);
  const int high = static_cast<int>(rule.high);
  if (rule.kind == Rule::Kind::kBetween) check_each(key, values, low, high);
  if (rule.kind == Rule::Kind::kAscending) check_ascending(key, values, low, high);
}

}  // namespace resolute::settings::member_detail
