#pragma once
//! \file
//! Log lines on standard error, one prefix a process; results never go through here.

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace resolute::core {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

//! Sets the name printed before each line (`resolute`, `agent 2`) and the least level shown. Call once, first.
//! RESOLUTE_LOG=debug|info|warning|error overrides `least`.
void set_up_log(std::string_view process_name, LogLevel least = LogLevel::kInfo);

//! Set in the environment of `resolute`: its lines open with the time. It heeds it (stamp_log()); workers do not, whose
//! last line becomes evidence.
inline constexpr const char* kLogTimesVariable = "RESOLUTE_LOG_TIMES";
//! From here on each line opens with the time in UTC: "2026-01-31 12:00:00Z resolute: …". For a log that several starts
//! write over days.
void stamp_log();
//! The time and a blank; empty where lines are not stamped.
std::string log_stamp();

void log_line(LogLevel level, std::string_view text);

template <class... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::kDebug, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::kInfo, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::kWarning, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_error(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::kError, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace resolute::core
