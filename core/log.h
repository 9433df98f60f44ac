#pragma once
//! \file
//! Log lines on standard error, one prefix a process; results never go through here.

#include <fmt/format.h>

#include <string_view>

namespace resolute::core {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

//! Sets the name printed before each line (`resolute`, `agent 2`) and the least level shown. Call once, first.
//! RESOLUTE_LOG=debug|info|warning|error overrides `least`.
void set_up_log(std::string_view process_name, LogLevel least = LogLevel::kInfo);
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
