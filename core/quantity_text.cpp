#include "core/quantity_text.h"

#include <fmt/format.h>

#include <array>
#include <cstddef>

namespace resolute::core {

std::string byte_text(double bytes) {
  constexpr std::array kUnits{"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  constexpr double kNext = 1024;
  std::size_t unit = 0;
  // A size that would round to one of the next unit is given in that unit.
  for (; bytes >= kNext - 0.5 && unit + 1 < kUnits.size(); ++unit) bytes /= kNext;
  return fmt::format("{:.{}f} {}", bytes, unit > 0 && bytes < 9.95 ? 1 : 0, kUnits[unit]);
}

std::string duration_text(std::int64_t milliseconds) {
  const auto seconds = static_cast<double>(milliseconds) / 1000;
  if (milliseconds < 1000) return fmt::format("{} ms", milliseconds);
  if (seconds < 120) return fmt::format("{:.0f} s", seconds);
  if (seconds < 7200) return fmt::format("{:.0f} min", seconds / 60);
  return fmt::format("{:.1f} h", seconds / 3600);
}

}  // namespace resolute::core
