#include "core/process/side_by_side.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace resolute::core {
namespace {

// Calls that wait cost a store little, and more than this at once no client of one sends.
constexpr std::size_t kCallsAtOnce = 32;
constexpr std::size_t kFewJobs = 64;  // for which threads are not worth while

}  // namespace

std::size_t calls_at_once(std::size_t jobs) { return jobs <= kFewJobs ? 1 : kCallsAtOnce; }

void side_by_side(std::size_t count, const std::function<void(std::size_t)>& work) {
  side_by_side(count, calls_at_once(count), work);
}

void side_by_side(std::size_t count, std::size_t at_once, const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next{0};
  std::mutex guard;
  std::size_t failed = count;
  std::exception_ptr failure;
  const auto take_turns = [&] {
    for (std::size_t mine = next++; mine < count; mine = next++) {
      try {
        work(mine);
      } catch (...) {
        // Pieces are taken in order: every one before this one is done or under way, and may yet be the lowest to fail.
        next = count;
        const std::lock_guard lock(guard);
        if (mine < failed) {
          failed = mine;
          failure = std::current_exception();
        }
      }
    }
  };
  {
    std::vector<std::jthread> helpers;
    try {
      for (std::size_t helper = 1; helper < std::min(count, at_once); ++helper) helpers.emplace_back(take_turns);
    } catch (const std::system_error&) {
      // The system gives no more: these must do.
    }
    take_turns();
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace resolute::core
