#include "settings/member.h"

namespace resolute::settings {

std::string MemberText::range() const {
  if (!words.empty()) return fmt::format("{}", fmt::join(words, ", "));
  const bool list = type == "list of integers";
  const std::string ends = rule.has_no_end() ? fmt::format("at least {}", rule.low)
                                             : fmt::format("{}{} to {}", list ? "each " : "", rule.low, rule.high);
  switch (rule.kind) {
    case Rule::Kind::kAny:
      return {};
    case Rule::Kind::kBetween:
      return ends;
    case Rule::Kind::kAbove:
      return fmt::format("above {}, at most {}", rule.low, rule.high);
    case Rule::Kind::kAscending:
      return "ascending, " + ends;
    case Rule::Kind::kDescending:
      return "descending, " + ends;
  }
  return {};
}

std::string MemberText::standard_text() const {
  return standard.is_string() ? standard.get<std::string>() : standard.dump();
}

namespace member_detail {

void check_rule(const std::string& key, std::int64_t value, const Rule& rule) {
  if (rule.kind == Rule::Kind::kAny) return;
  if (rule.has_no_end() && static_cast<double>(value) < rule.low)
    throw MemberError(key, std::to_string(value), fmt::format("it must be at least {}", rule.low));
  const std::int64_t above = rule.kind == Rule::Kind::kAbove ? 1 : 0;
  check_range(key, value, static_cast<std::int64_t>(rule.low) + above, static_cast<std::int64_t>(rule.high));
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
  if (rule.kind == Rule::Kind::kDescending) check_descending(key, values, low, high);
}

}  // namespace member_detail

}  // namespace resolute::settings
