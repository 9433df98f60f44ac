// Times as SLURM writes them, and time limits as people give them.
#include <array>

#include "core/error.h"
#include "core/numbers.h"
#include "slurm/job_record.h"

namespace resolute::slurm {
namespace {

// Exactly `width` digits, or -1.
int fixed_number(std::string_view text, std::size_t at, std::size_t width) {
  int number = 0;
  for (const char c : text.substr(at, width)) {
    if (c < '0' || c > '9') return -1;
    number = 10 * number + (c - '0');
  }
  return number;
}

// One part of a time limit: some digits.
std::optional<std::int64_t> part(std::string_view text) {
  if (text.size() > 9 || text.starts_with('-')) return std::nullopt;
  return core::number_of<std::int64_t>(text);
}

// sbatch(1), --time: without days the last part is minutes or seconds, with days the first one is hours.
std::optional<std::int64_t> seconds_of(std::string_view text) {
  constexpr std::array<std::int64_t, 3> kUnits{3600, 60, 1};
  std::int64_t seconds = 0;
  const std::size_t dash = text.find('-');
  const bool with_days = dash != std::string_view::npos;
  if (with_days) {
    const auto days = part(text.substr(0, dash));
    if (!days.has_value()) return std::nullopt;
    seconds = *days * 86'400;
    text.remove_prefix(dash + 1);
  }
  std::array<std::string_view, 3> parts{};
  std::size_t count = 0;
  for (bool more = true; more; ++count) {
    if (count == parts.size()) return std::nullopt;
    const std::size_t colon = text.find(':');
    more = colon != std::string_view::npos;
    parts.at(count) = text.substr(0, colon);
    if (more) text.remove_prefix(colon + 1);
  }
  const std::size_t first_unit = with_days || count == 3 ? 0 : 1;
  for (std::size_t i = 0; i < count; ++i) {
    const auto number = part(parts.at(i));
    if (!number.has_value() || (i > 0 && *number > 59)) return std::nullopt;
    seconds += *number * kUnits.at(first_unit + i);
  }
  return seconds;
}

}  // namespace

std::optional<Time> parse_time(std::string_view text) {
  using namespace std::chrono;
  if (text.size() != 19 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':')
    return std::nullopt;
  const int year = fixed_number(text, 0, 4);
  const int month = fixed_number(text, 5, 2);
  const int day = fixed_number(text, 8, 2);
  const int hour = fixed_number(text, 11, 2);
  const int minute = fixed_number(text, 14, 2);
  const int second = fixed_number(text, 17, 2);
  // SLURM's times begin in 1970.
  if (year < 1970 || month < 1 || day < 1 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 ||
      second > 59)
    return std::nullopt;
  const year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                            std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  return sys_days(date) + hours(hour) + minutes(minute) + seconds(second);
}

// fmt would count in nanoseconds, in which SLURM's years do not fit.
std::string time_text(Time time) {
  using namespace std::chrono;
  const sys_days days = floor<std::chrono::days>(time);
  const year_month_day date(days);
  const hh_mm_ss clock(time - days);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count());
}

std::chrono::seconds parse_time_limit(const std::string& text, const std::string& option) {
  constexpr std::int64_t kYear = 366 * 86'400LL;
  const auto seconds = seconds_of(text);
  constexpr std::string_view kForms = "give minutes, minutes:seconds, hours:minutes:seconds or days-hours:minutes";
  if (seconds.has_value() && *seconds > 0 && *seconds <= kYear) return std::chrono::seconds(*seconds);
  throw core::input_error(fmt::format("{} '{}' is no time limit", option, text),
                          !seconds.has_value() ? ""
                          : *seconds == 0      ? "it is zero"
                                               : "it is more than a year",
                          kForms);
}

std::chrono::seconds granted_time(std::chrono::seconds asked) { return std::chrono::ceil<std::chrono::minutes>(asked); }

}  // namespace resolute::slurm
