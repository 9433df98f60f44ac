#include "core/clock.h"

namespace resolute::core {
namespace {
class SteadyClock final : public Clock {
 public:
  MonotonicTime now() const override { return std::chrono::steady_clock::now(); }
};
}  // namespace

const Clock& monotonic_clock() {
  static const SteadyClock& clock = *new SteadyClock;  // never destroyed, for threads that outlive main()
  return clock;
}

}  // namespace resolute::core
