#include "core/duration_text.h"

#include <fmt/format.h>

namespace resolute::core {

std::string duration_text(std::int64_t milliseconds) {
  const auto seconds = static_cast<double>(milliseconds) / 1000;
  if (milliseconds < 1000) return fmt::format("{} ms", milliseconds);
  if (seconds < 120) return fmt::format("{:.0f} s", seconds);
  if (seconds < 7200) return fmt::format("{:.0f} min", seconds / 60);
  return fmt::format("{:.1f} h", seconds / 3600);
}

}  // namespace resolute::core
