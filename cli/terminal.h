#pragma once
//! \file
//! Redraws a view on a terminal, without a library, by sequences that every terminal since the VT100 obeys. Undoes its
//! changes on every way by which the program leaves by itself.

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace resolute::cli {

//! True if standard output is a terminal that can be drawn on (TERM is set and not "dumb").
bool output_is_terminal();
//! \return true if the reader of standard output has gone (`resolute … | head -1`)
bool reader_has_left();
//! Writes out what std::cout holds. \param what "the results" \return false: the reader has left, which is his affair
//! and no error \throws RuntimeError (kEnvironment) if it cannot be written otherwise
bool flush_output(std::string_view what);
//! Colours only on a terminal, and not where NO_COLOR is set (no-color.org).
bool colours_wanted();

struct TerminalSize {
  int columns = 80;
  int rows = 24;
};
//! The size of standard output; 80 × 24 if it is not known.
TerminalSize terminal_size();

//! While it lives, SIGINT and SIGTERM do not kill, and keys are read without echo where standard input is a
//! terminal in the foreground. One at a time.
class WatchInput {
 public:
  WatchInput();
  WatchInput(const WatchInput&) = delete;
  WatchInput& operator=(const WatchInput&) = delete;
  ~WatchInput();
  //! Waits for `time`, less where the user wants to leave (q, ctrl-C, SIGTERM) or the window's size changes.
  //! \return false to leave
  bool wait(std::chrono::milliseconds time);

 private:
  struct Saved;
  std::unique_ptr<Saved> saved_;
};

//! How long to wait between two looks that take this long: looking takes at most a tenth of the time, for a large
//! suite's journal is read anew each time.
std::chrono::milliseconds pause_after(std::chrono::nanoseconds look, std::chrono::milliseconds shortest);

//! Draws blocks of lines, each over the one before.
class Redraw {
 public:
  //! \param lines narrower and fewer than the terminal; a line that is wider all the same is cut by the terminal
  std::string frame(const std::vector<std::string>& lines);

 private:
  std::size_t drawn_ = 0;
};

}  // namespace resolute::cli
