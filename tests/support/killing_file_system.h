#pragma once
//! \file
//! A process that can be killed at any step: before and after each file-system operation, and in the middle of a
//! write. The kill is an exception that nobody catches but the test; afterwards every further step of the dead process
//! throws it again, so that no clean-up of its happens either. What was written outlives it: nothing is synced in
//! truth.
//!
//!     for (int step = 0;; ++step) {
//!       Mortal process(step);
//!       KillingFileSystem files(process);
//!       if (!process.survives([&] { write_something(files); })) continue;   // killed there
//!       break;                                                              // it needed fewer steps
//!     }

#include <functional>
#include <optional>

#include "tests/support/watched_file_system.h"

namespace resolute::tests {

class Mortal {
 public:
  struct Killed {};

  //! \param last the step (from 0) at which it dies; nothing: it lives on
  explicit Mortal(std::optional<int> last = std::nullopt) : last_(last) {}

  //! A place at which it may die.
  void step() {
    if (dead_) throw Killed{};
    if (before_step) before_step();
    if (last_ && steps_++ == *last_) {
      dead_ = true;
      throw Killed{};
    }
  }
  template <class Body>
  bool survives(Body body) {
    try {
      body();
      return true;
    } catch (const Killed&) {
      return false;
    }
  }
  //! Called at each step: the place to let others go first.
  std::function<void()> before_step;

 private:
  std::optional<int> last_;
  int steps_ = 0;
  bool dead_ = false;
};

class KillingFileSystem final : public WatchedFileSystem {
 public:
  explicit KillingFileSystem(Mortal& process) : process_(process) {}

 private:
  void before(Call, const std::filesystem::path&) override { process_.step(); }
  void after() override { process_.step(); }

  Mortal& process_;
};

}  // namespace resolute::tests
