#pragma once
//! \file
//! The time of day, which ends of allocations and events are told in. Nothing that reaches a result reads it.

#include <chrono>

#include "orchestrator/messages/event.h"

namespace resolute::orchestrator {

//! Now. May go back, where somebody sets the machine's clock.
inline Instant wall_clock() { return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()); }
//! The same in whole seconds.
inline std::chrono::sys_seconds wall_clock_seconds() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

}  // namespace resolute::orchestrator
