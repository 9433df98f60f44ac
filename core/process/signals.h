#pragma once
//! \file
//! Signals that are counted instead of ending the process.

#include <csignal>
#include <initializer_list>
#include <utility>
#include <vector>

namespace resolute::core {

//! While it lives, each of its signals is counted, and ends a system call that waits; what was to become of them before
//! holds again at its end. One at a time for a signal.
class CaughtSignals {
 public:
  //! \throws RuntimeError for a signal that cannot be caught
  explicit CaughtSignals(std::initializer_list<int> numbers);
  ~CaughtSignals();
  CaughtSignals(const CaughtSignals&) = delete;
  CaughtSignals& operator=(const CaughtSignals&) = delete;
  //! How often a signal has come since the last take().
  int count(int number) const;
  //! Numbers of the signals since the last call, as often as they came, in the order in which it was made of them.
  std::vector<int> take();

 private:
  std::vector<std::pair<int, struct sigaction>> before_;
};

}  // namespace resolute::core
