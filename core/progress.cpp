#include "core/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace resolute::core {

Progress::Progress(std::string what, std::uint64_t total, const Clock& clock)
    : what_(std::move(what)),
      total_(total),
      clock_(clock),
      start_(clock.now()),
      drawn_(start_),
      terminal_(::isatty(2) == 1) {}

Progress::~Progress() {
  if (shown_) std::fputs("\r\033[K", stderr);
}

void Progress::update(std::uint64_t done) {
  if (!terminal_) return;
  auto now = clock_.now();
  if (now - start_ < std::chrono::seconds(2) || now - drawn_ < std::chrono::milliseconds(100)) return;
  drawn_ = now;
  shown_ = true;
  std::string text = "\r\033[K" + line(what_, done, total_, now - start_);
  std::fputs(text.c_str(), stderr);
  std::fflush(stderr);
}

std::string Progress::line(const std::string& what, std::uint64_t done, std::uint64_t total,
                           std::chrono::nanoseconds elapsed) {
  double seconds = std::chrono::duration<double>(elapsed).count();
  double rate = seconds > 0 ? static_cast<double>(done) / seconds : 0.0;
  if (total == 0) return fmt::format("{} {} ({:.0f}/s)", what, done, rate);
  auto share = static_cast<double>(done) * 100.0 / static_cast<double>(total);
  if (done == 0) return fmt::format("{} 0/{}", what, total);
  double left = static_cast<double>(total - done) / rate;
  return fmt::format("{} {}/{} ({:.0f} %, {:.0f}/s, {:.0f} s left)", what, done, total, share, rate, left);
}

}  // namespace resolute::core
