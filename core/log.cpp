#include "core/log.h"

#include <fmt/chrono.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <cstdlib>

#include "core/error.h"
#include "core/progress.h"

namespace resolute::core {
namespace {

bool& stamped() {
  static bool is = false;
  return is;
}

void set_pattern(spdlog::logger& logger) {
  if (stamped())
    logger.set_pattern("%Y-%m-%d %H:%M:%SZ %n: %v", spdlog::pattern_time_type::utc);
  else
    logger.set_pattern("%n: %v");
}

std::shared_ptr<spdlog::logger> make_logger(std::string name) {
  auto made = std::make_shared<spdlog::logger>(std::move(name), std::make_shared<spdlog::sinks::stderr_sink_mt>());
  set_pattern(*made);
  made->flush_on(spdlog::level::trace);
  return made;
}

std::shared_ptr<spdlog::logger>& logger() {
  static auto instance = make_logger("resolute");
  return instance;
}

spdlog::level::level_enum to_spdlog(LogLevel level) {
  using namespace spdlog::level;
  constexpr std::array kLevels{debug, info, warn, err};
  return kLevels.at(static_cast<std::size_t>(level));
}

}  // namespace

void set_up_log(std::string_view process_name, LogLevel least) {
  auto made = make_logger(std::string(process_name));
  auto level = to_spdlog(least);
  std::string unknown;
  if (const char* wanted = std::getenv("RESOLUTE_LOG"); wanted != nullptr && *wanted != '\0') {
    const auto parsed = spdlog::level::from_str(wanted);
    if (parsed != spdlog::level::off)
      level = parsed;
    else
      unknown = wanted;
  }
  made->set_level(level);
  logger() = std::move(made);
  if (!unknown.empty())
    log_warning("{}", input_error(fmt::format("RESOLUTE_LOG is '{}'", unknown),
                                  "debug, info, warning and error are known", "all but debug is shown")
                          .what());
}

void stamp_log() {
  stamped() = true;
  set_pattern(*logger());
}

std::string log_stamp() {
  return stamped() ? fmt::format("{:%Y-%m-%d %H:%M:%S}Z ", fmt::gmtime(std::time(nullptr))) : std::string();
}

void log_line(LogLevel level, std::string_view text) {
  if (!logger()->should_log(to_spdlog(level))) return;
  write_beside_progress([&] { logger()->log(to_spdlog(level), spdlog::string_view_t(text.data(), text.size())); });
}

}  // namespace resolute::core
