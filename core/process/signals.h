#pragma once
//! \file
//! Signals that are counted instead of ending the process.

#include <csignal>
#include <initializer_list>
#include <utility>
#include <vector>

namespace resolute::core {

//! While it lives, each of its signals is counted, and ends a system call that waits; its end restores the handlers
//! that were there before. One at a time for a signal.
class CaughtSignals {
 public:
  //! \throws RuntimeError for a signal that cannot be caught
  explicit CaughtSignals(std::initializer_list<int> numbers);
  ~CaughtSignals();
  CaughtSignals(const CaughtSignals&) = delete;
  CaughtSignals& operator=(const CaughtSignals&) = delete;
  //! How often a signal has come since the last take().
  int count(int number) const;
  //! One entry for each signal since the last call, grouped in the constructor's order.
  std::vector<int> take();

 private:
  std::vector<std::pair<int, struct sigaction>> before_;
};

}  // namespace resolute::core
