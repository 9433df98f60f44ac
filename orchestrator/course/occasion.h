#pragma once
//! \file
//! When decide() is to be asked again: once something has happened, or a time has come; and since when there is nothing
//! to do. Pure: time is passed in.

#include <optional>

#include "orchestrator/messages/event.h"

namespace resolute::orchestrator {

class Occasion {
 public:
  //! Something has happened that decisions may follow from.
  void arise() { arisen_ = true; }
  bool arisen() const { return arisen_; }
  bool is_due(Instant now) const { return arisen_ || (wake_ && *wake_ <= now); }
  //! decide() is asked.
  void take() { arisen_ = false; }
  //! It has decided nothing. \param wake next_wake()
  void wait(std::optional<Instant> wake) { wake_ = wake; }
  //! The run has something to do, or waits for what may give it something.
  void note_work(Instant now) { idle_since_ = now; }
  //! Moment::idle_since.
  Instant idle_since() const { return idle_since_; }

 private:
  bool arisen_ = true;
  std::optional<Instant> wake_;
  Instant idle_since_{};
};

}  // namespace resolute::orchestrator
