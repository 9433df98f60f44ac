#include "core/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <utility>

namespace resolute::core {
namespace {

// A terminal has one such line, whoever writes to it.
struct Shown {
  std::mutex mutex;
  std::string line;  // empty: none
  pid_t drawer = 0;  // a fork inherits the line and does not draw it

  bool stands() const { return !line.empty() && drawer == ::getpid(); }
};

Shown& shown() {
  static Shown instance;
  return instance;
}

bool can_clear_lines() {
  const char* kind = std::getenv("TERM");
  return ::isatty(2) == 1 && kind != nullptr && *kind != '\0' && std::string_view(kind) != "dumb";
}

// Another file than a socket is not what was meant: the variable outlives who has set it.
int reader_of_states() {
  const char* named = std::getenv("RESOLUTE_PROGRESS_FD");
  if (named == nullptr) return -1;
  const std::string_view text = named;
  int number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  struct stat file {};
  const bool socket = error == std::errc() && end == text.data() + text.size() && number > 2 &&
                      ::fstat(number, &file) == 0 && S_ISSOCK(file.st_mode);
  return socket ? number : -1;
}

// Asked anew each time: a window changes its size.
std::size_t columns_of_terminal() {
  winsize window{};
  return ::ioctl(2, TIOCGWINSZ, &window) == 0 ? window.ws_col : 0;
}

void put(const std::string& text) {
  std::fputs(text.c_str(), stderr);
  std::fflush(stderr);
}

constexpr const char* kClear = "\r\033[K";

// Wide letters may be more columns than they are letters: without wrapping they leave no second row behind.
void put_line(const std::string& line) {
  const std::size_t columns = columns_of_terminal();
  put(fmt::format("{}\033[?7l{}\033[?7h", kClear, Progress::fitted(line, columns > 1 ? columns - 1 : 0)));
}

}  // namespace

Progress::Progress(std::string name, std::uint64_t total, const Clock& clock, std::uint64_t before)
    : name_(std::move(name)),
      total_(total),
      clock_(clock),
      before_(before),
      start_(clock.now()),
      drawn_(start_),
      told_(start_),
      terminal_(can_clear_lines()),
      reader_(reader_of_states()) {}

Progress::~Progress() { clear(); }

void Progress::clear() {
  if (!terminal_) return;
  Shown& now = shown();
  const std::scoped_lock lock(now.mutex);
  if (now.stands()) put(kClear);
  now.line.clear();
}

void Progress::update(std::uint64_t done, const std::string& speed) {
  if (terminal_) draw(line(name_, done, total_, clock_.now() - start_, before_, speed));
  if (reader_ >= 0) tell_reader(done);
}

void Progress::show(std::uint64_t done, const std::string& words) {
  if (terminal_) draw(fmt::format("{} {}/{}{}", name_, done, total_, words));
  if (reader_ >= 0) tell_reader(done);
}

void Progress::tell_reader(std::uint64_t done) {
  const MonotonicTime now = clock_.now();
  if (done != total_ && now - told_ < std::chrono::milliseconds(100)) return;
  told_ = now;
  const std::string state = fmt::format("{} {} {}\n", done, total_, name_);
  static_cast<void>(::send(reader_, state.data(), state.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
}

void Progress::draw(const std::string& line) {
  auto now = clock_.now();
  if (now - start_ < std::chrono::seconds(2) || now - drawn_ < std::chrono::milliseconds(100)) return;
  drawn_ = now;
  Shown& instance = shown();
  const std::scoped_lock lock(instance.mutex);
  instance.line = line;
  instance.drawer = ::getpid();
  put_line(line);
}

std::string Progress::fitted(std::string_view line, std::size_t columns) {
  const auto begins_letter = [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; };
  if (columns == 0 || std::cmp_less_equal(std::ranges::count_if(line, begins_letter), columns))
    return std::string(line);
  std::size_t end = 0;
  for (std::size_t letters = 0; end < line.size(); ++end)
    if (begins_letter(line[end]) && letters++ == columns - 1) break;
  return fmt::format("{}…", line.substr(0, end));
}

void write_beside_progress(const std::function<void()>& write) {
  Shown& instance = shown();
  const std::scoped_lock lock(instance.mutex);
  if (!instance.stands()) return write();
  put(kClear);
  write();
  put_line(instance.line);
}

std::string Progress::line(const std::string& name, std::uint64_t done, std::uint64_t total,
                           std::chrono::nanoseconds elapsed, std::uint64_t before, const std::string& speed) {
  const double seconds = std::chrono::duration<double>(elapsed).count();
  const double rate = seconds > 0 && done > before ? static_cast<double>(done - before) / seconds : 0.0;
  // "0/s" tells nothing.
  const std::string shown = !speed.empty()     ? speed
                            : rate >= 1        ? fmt::format("{:.0f}/s", rate)
                            : rate >= 1.0 / 60 ? fmt::format("{:.0f}/min", 60 * rate)
                                               : fmt::format("{:.0f}/h", 3600 * rate);
  if (total == 0) return fmt::format("{} {} ({})", name, done, shown);
  if (done <= before) return fmt::format("{} {}/{}", name, done, total);
  const double share = static_cast<double>(done) * 100.0 / static_cast<double>(total);
  const double left = static_cast<double>(total - std::min(done, total)) / rate;
  return fmt::format("{} {}/{} ({:.0f} %, {}, {:.0f} s left)", name, done, total, share, shown, left);
}

}  // namespace resolute::core
