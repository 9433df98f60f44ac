#pragma once
//! \file
//! When a run may start something, and when it asks the store again, after the store has failed it.

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "core/clock.h"

namespace resolute::orchestrator {

//! Follows the store by what comes of the coordinator's own calls. The first error begins a pause, in which nothing is
//! started; a probe that succeeds ends it. Waits between probes are those of the cause store-error (failure.h). They
//! begin anew once something was started, or the store was well for as long as the longest of them: a probe may succeed
//! where the work does not. Pure: time is passed in.
class StoreWatch {
 public:
  struct Pause {
    std::string why;
    core::MonotonicTime since;  //!< nothing could be started since
    core::MonotonicTime next_probe;
  };
  //! \param scale of the waits; tests shorten them
  explicit StoreWatch(double scale = 1) : scale_(scale) {}
  //! A call failed by the store's doing, be it a probe. \return whether that begins a pause
  bool failed(const std::string& why, core::MonotonicTime now);
  bool probe_due(core::MonotonicTime now) const { return pause_ && now >= pause_->next_probe; }
  //! A probe succeeded: the pause is over.
  void answered(core::MonotonicTime now) {
    pause_.reset();
    well_since_ = now;
  }
  //! A probe has succeeded, and nothing was started since: a single attempt tells enough.
  bool doubtful() const { return failures_ > 0 && !pause_; }
  //! A job's files were made: what failed before is mended.
  void worked() { failures_ = 0; }
  //! Nothing where there is none.
  const std::optional<Pause>& pause() const { return pause_; }

 private:
  double scale_;
  int failures_ = 0;  //!< in a row, those of probes with them
  core::MonotonicTime first_failure_{};
  core::MonotonicTime well_since_{};
  std::optional<Pause> pause_;
};

//! Calls `work` again, after 1, 2, 4 … 60 seconds, as long as the storage fails it (RuntimeError::is_storage()).
//! \param stop asked before each wait: then what the last call threw goes to the caller \param scale of the waits
void while_storage_fails(const std::function<void()>& work, const std::function<bool()>& stop,
                         const std::function<void(std::chrono::milliseconds)>& sleep, double scale = 1);

}  // namespace resolute::orchestrator
