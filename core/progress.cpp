#include "core/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace resolute::core {

Progress::Progress(std::string name, std::uint64_t total, const Clock& clock, std::uint64_t before)
    : name_(std::move(name)),
      total_(total),
      clock_(clock),
      before_(before),
      start_(clock.now()),
      drawn_(start_),
      terminal_(::isatty(2) == 1) {}

Progress::~Progress() { clear(); }

void Progress::clear() {
  if (!shown_) return;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
  shown_ = false;
}

void Progress::update(std::uint64_t done, const std::string& speed) {
  if (!terminal_) return;
  auto now = clock_.now();
  if (now - start_ < std::chrono::seconds(2) || now - drawn_ < std::chrono::milliseconds(100)) return;
  drawn_ = now;
  shown_ = true;
  std::string text = "\r\033[K" + line(name_, done, total_, now - start_, before_, speed);
  std::fputs(text.c_str(), stderr);
  std::fflush(stderr);
}

std::string Progress::line(const std::string& name, std::uint64_t done, std::uint64_t total,
                           std::chrono::nanoseconds elapsed, std::uint64_t before, const std::string& speed) {
  const double seconds = std::chrono::duration<double>(elapsed).count();
  const double rate = seconds > 0 && done > before ? static_cast<double>(done - before) / seconds : 0.0;
  const std::string shown = speed.empty() ? fmt::format("{:.0f}/s", rate) : speed;
  if (total == 0) return fmt::format("{} {} ({})", name, done, shown);
  if (done <= before) return fmt::format("{} {}/{}", name, done, total);
  const double share = static_cast<double>(done) * 100.0 / static_cast<double>(total);
  const double left = static_cast<double>(total - std::min(done, total)) / rate;
  return fmt::format("{} {}/{} ({:.0f} %, {}, {:.0f} s left)", name, done, total, share, shown, left);
}

}  // namespace resolute::core
