#include "orchestrator/store/store_watch.h"

#include "core/log.h"
#include "orchestrator/decisions/failure.h"

namespace resolute::orchestrator {

bool StoreWatch::failed(const std::string& why, core::MonotonicTime now) {
  // A further failure while the store is known to fail says nothing new.
  if (pause_ && now < pause_->next_probe) return false;
  const Budget budget = budget_of(Cause::kStoreError);
  const auto scaled = [&](Milliseconds wait) {
    return std::chrono::duration_cast<core::MonotonicTime::duration>(std::chrono::duration<double, std::milli>(wait) *
                                                                     scale_);
  };
  const bool begins = !pause_;
  if (begins && now - well_since_ > scaled(budget.longest_back_off)) failures_ = 0;
  if (++failures_ == 1) first_failure_ = now;
  pause_ = Pause{why, first_failure_, now + scaled(back_off(budget, failures_))};
  return begins;
}

void while_storage_fails(const std::function<void()>& work, const std::function<bool()>& stop,
                         const std::function<void(std::chrono::milliseconds)>& sleep, double scale) {
  for (int failures = 1;; ++failures) {
    try {
      work();
      return;
    } catch (const core::RuntimeError& error) {
      if (!error.is_storage() || stop()) throw;
      if (failures == 1) core::log_warning("waiting for the store ({})", error.what());
    }
    sleep(back_off(budget_of(Cause::kStoreError), failures, scale));
  }
}

}  // namespace resolute::orchestrator
