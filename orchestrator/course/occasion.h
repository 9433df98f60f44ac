#pragma once
//! \file
//! When decide() is to be asked again: once something has happened, or a time has come. Pure: time is passed in.

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

 private:
  bool arisen_ = true;
  std::optional<Instant> wake_;
};

}  // namespace resolute::orchestrator
