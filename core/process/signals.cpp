#include "core/process/signals.h"

#include <array>
#include <atomic>
#include <cerrno>

#include "core/error.h"

namespace resolute::core {
namespace {

// Lock-free atomics are what a handler may touch, and their exchange loses no signal that comes while it is taken.
std::array<std::atomic<int>, NSIG> signals_seen{};
static_assert(std::atomic<int>::is_always_lock_free);

std::atomic<int>& seen(int number) { return signals_seen.at(static_cast<std::size_t>(number)); }

void count_signal(int number) { signals_seen[static_cast<std::size_t>(number)].fetch_add(1); }

}  // namespace

CaughtSignals::CaughtSignals(std::initializer_list<int> numbers) {
  for (const int number : numbers) {
    seen(number).store(0);
    struct sigaction action {};
    action.sa_handler = count_signal;
    if (::sigaction(number, &action, &before_.emplace_back(number, action).second) != 0)
      throw system_error("signals cannot be handled", errno);
  }
}

CaughtSignals::~CaughtSignals() {
  for (const auto& [number, action] : before_) ::sigaction(number, &action, nullptr);
}

int CaughtSignals::count(int number) const { return seen(number); }

std::vector<int> CaughtSignals::take() {
  std::vector<int> taken;
  for (const auto& [number, action] : before_)
    taken.insert(taken.end(), static_cast<std::size_t>(seen(number).exchange(0)), number);
  return taken;
}

}  // namespace resolute::core
