#pragma once
//! \file
//! When a training writes a checkpoint of which nobody says after how many steps.

#include <algorithm>
#include <chrono>

#include "core/clock.h"

namespace resolute::workers {

//! Checkpoints so far apart that what one holds the training up for, the wait for the one before it included, is at
//! most a hundredth of the time between two (the rule of CheckFreq, Mohan et al., FAST 2021), and no nearer than a
//! minute: a store has many trainings. Pure.
class CheckpointPace {
 public:
  static constexpr std::chrono::seconds kShortest{60};
  static constexpr int kTimesHeldUp = 100;

  explicit CheckpointPace(core::MonotonicTime begun) : last_(begun) {}
  bool is_due(core::MonotonicTime now) const { return now - last_ >= interval_; }
  //! \param held_up of the training, by the checkpoint that has just been handed over
  void written(core::MonotonicTime now, std::chrono::nanoseconds held_up) {
    last_ = now;
    interval_ = std::max<std::chrono::nanoseconds>(kShortest, kTimesHeldUp * held_up);
  }

 private:
  core::MonotonicTime last_;
  std::chrono::nanoseconds interval_ = kShortest;
};

}  // namespace resolute::workers
