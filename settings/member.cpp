#include "settings/member.h"

namespace resolute::settings {

std::string MemberText::range() const {
  if (!words.empty()) return fmt::format("{}", fmt::join(words, ", "));
  const bool list = type.starts_with("list");
  std::string ends = rule.has_no_end() ? fmt::format("at least {}", rule.low)
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
    case Rule::Kind::kInterval:
      return "none, or a lowest and a highest, " + ends;
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
    throw MemberError(key, value, fmt::format("it must be at least {}", rule.low));
  const std::int64_t above = rule.kind == Rule::Kind::kAbove ? 1 : 0;
  check_range(key, value, static_cast<std::int64_t>(rule.low) + above, static_cast<std::int64_t>(rule.high));
}

void check_rule(const std::string& key, double value, const Rule& rule) {
  const auto refuse = [&](const std::string& why) { throw MemberError(key, fmt::format("{}", value), why); };
  // Written so that NaN fails.
  if (rule.kind == Rule::Kind::kBetween && !(value >= rule.low && value <= rule.high))
    refuse(fmt::format("it must be {} to {}", rule.low, rule.high));
  if (rule.kind == Rule::Kind::kAbove && !(value > rule.low && value <= rule.high))
    refuse(fmt::format("it must be above {} and at most {}", rule.low, rule.high));
}

template <class T>
void check_list(const std::string& key, const std::vector<T>& values, const Rule& rule) {
  const auto refuse = [&](const std::string& why) { throw MemberError(key, values, why); };
  if (values.empty() && !rule.may_be_empty) throw MemberError(key, "[]", "at least one is needed");
  if (rule.kind == Rule::Kind::kAny) return;
  // Written so that NaN fails.
  for (const T value : values)
    if (!(value >= rule.low && value <= rule.high)) refuse(fmt::format("each must be {} to {}", rule.low, rule.high));
  const auto unordered = [&](auto wrong) { return std::ranges::adjacent_find(values, wrong) != values.end(); };
  if (rule.kind == Rule::Kind::kAscending && unordered(std::greater_equal<>())) refuse("they must ascend, none twice");
  if (rule.kind == Rule::Kind::kDescending && unordered(std::less_equal<>())) refuse("they must descend, none twice");
  if (rule.kind != Rule::Kind::kInterval || values.empty()) return;
  if (values.size() != 2 || values.front() > values.back())
    throw MemberError(key, values, "the lowest value and the highest are needed, in this order", "[] leaves it out");
}

void check_rule(const std::string& key, const std::vector<int>& values, const Rule& rule) {
  check_list(key, values, rule);
}

void check_rule(const std::string& key, const std::vector<double>& values, const Rule& rule) {
  check_list(key, values, rule);
}

}  // namespace member_detail

}  // namespace resolute::settings
