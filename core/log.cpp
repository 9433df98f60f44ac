#include "core/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdlib>

namespace resolute::core {
namespace {

std::shared_ptr<spdlog::logger>& logger() {
  static auto instance = [] {
    auto made = std::make_shared<spdlog::logger>("resolute", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%n: %v");
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  return instance;
}

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

}  // namespace

void set_up_log(std::string_view process_name, LogLevel least) {
  auto made =
      std::make_shared<spdlog::logger>(std::string(process_name), std::make_shared<spdlog::sinks::stderr_sink_mt>());
  made->set_pattern("%n: %v");
  made->flush_on(spdlog::level::trace);
  auto level = to_spdlog(least);
  if (const char* wanted = std::getenv("RESOLUTE_LOG")) {
    auto parsed = spdlog::level::from_str(wanted);
    if (parsed != spdlog::level::off) level = parsed;
  }
  made->set_level(level);
  logger() = std::move(made);
}

void log_line(LogLevel level, std::string_view text) {
  logger()->log(to_spdlog(level), spdlog::string_view_t(text.data(), text.size()));
}

}  // namespace resolute::core
