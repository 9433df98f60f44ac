#include "cli/terminal.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <iostream>
#include <optional>

#include "core/error.h"
#include "core/process/signals.h"

namespace resolute::cli {

namespace {

bool is_set(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

}  // namespace

bool output_is_terminal() {
  const char* kind = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) == 1 && kind != nullptr && *kind != '\0' && std::string_view(kind) != "dumb";
}

bool reader_has_left() {
  pollfd output{STDOUT_FILENO, 0, 0};
  return ::poll(&output, 1, 0) == 1 && (output.revents & (POLLERR | POLLHUP)) != 0;
}

bool flush_output(std::string_view what) {
  if (std::cout.flush()) return true;
  if (reader_has_left()) return false;
  throw core::RuntimeError(core::ErrorKind::kEnvironment, fmt::format("{} cannot be written to stdout", what));
}

bool colours_wanted() { return output_is_terminal() && !is_set("NO_COLOR"); }

TerminalSize terminal_size() {
  winsize window{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_col == 0 || window.ws_row == 0) return {};
  return {window.ws_col, window.ws_row};
}

struct WatchInput::Saved {
  core::CaughtSignals signals{SIGINT, SIGTERM, SIGWINCH};  //!< each ends the wait
  std::optional<termios> keys;                             //!< as they were
  bool input_open = false;
  bool leave_wanted() const { return signals.count(SIGINT) + signals.count(SIGTERM) > 0; }
};

WatchInput::WatchInput() : saved_(std::make_unique<Saved>()) {
  // In the background a terminal is somebody else's: changing it would stop this process.
  termios keys{};
  if (::isatty(STDIN_FILENO) == 1 && ::tcgetpgrp(STDIN_FILENO) == ::getpgrp() &&
      ::tcgetattr(STDIN_FILENO, &keys) == 0) {
    saved_->keys = keys;
    keys.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    keys.c_cc[VMIN] = 0;
    keys.c_cc[VTIME] = 0;
    saved_->input_open = ::tcsetattr(STDIN_FILENO, TCSANOW, &keys) == 0;
  }
}

WatchInput::~WatchInput() {
  if (saved_->keys) ::tcsetattr(STDIN_FILENO, TCSANOW, &*saved_->keys);
}

bool WatchInput::wait(std::chrono::milliseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (!saved_->leave_wanted()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    if (left.count() <= 0) return true;
    pollfd input{saved_->input_open ? STDIN_FILENO : -1, POLLIN, 0};
    const int ready = ::poll(&input, 1, static_cast<int>(left.count()));
    if (ready < 0 && errno != EINTR) throw core::system_error("the keyboard cannot be waited for", errno);
    if (ready < 0 && !saved_->leave_wanted()) return true;  // the window's size has changed: draw again
    if (ready <= 0) continue;
    char key = 0;
    const ssize_t read = ::read(STDIN_FILENO, &key, 1);
    if (read == 1 && (key == 'q' || key == 'Q')) return false;
    if (read <= 0) saved_->input_open = false;  // hung up
  }
  return false;
}

std::chrono::milliseconds pause_after(std::chrono::nanoseconds look, std::chrono::milliseconds shortest) {
  return std::max(shortest, std::chrono::ceil<std::chrono::milliseconds>(look * 10));
}

std::string Redraw::frame(const std::vector<std::string>& lines) {
  // No wrapping: a wide character must not shift what is drawn over it next time.
  std::string text = "\x1b[?7l";
  if (drawn_ > 0) text += fmt::format("\r\x1b[{}A", drawn_);
  for (const std::string& line : lines) text += line + "\x1b[K\n";
  text += "\x1b[J\x1b[?7h";
  drawn_ = lines.size();
  return text;
}

}  // namespace resolute::cli
