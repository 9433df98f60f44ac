#pragma once
//! \file
//! Waiting for something that a test cannot be told of.

#include <algorithm>
#include <chrono>
#include <functional>
#include <thread>

namespace resolute::tests {

//! How long a test waits for what always comes: only a fault uses it up, and a machine may be slow and busy.
constexpr std::chrono::minutes kPatience{5};

//! Looks until `holds`, for at most `limit`. Rests between two looks for at least `rest`, and for four times as long as
//! the look took (up to a quarter of a second): a look that starts a program would take the processor from what it
//! waits for. \return whether it came to hold
inline bool wait_until(const std::function<bool()>& holds, std::chrono::seconds limit, std::chrono::milliseconds rest) {
  using Clock = std::chrono::steady_clock;
  constexpr Clock::duration kLongestRest = std::chrono::milliseconds(250);
  const auto end = Clock::now() + limit;
  for (;;) {
    const auto begun = Clock::now();
    if (holds()) return true;
    const auto now = Clock::now();
    if (now > end) return false;
    std::this_thread::sleep_for(std::max<Clock::duration>(rest, std::min(4 * (now - begun), kLongestRest)));
  }
}

}  // namespace resolute::tests
