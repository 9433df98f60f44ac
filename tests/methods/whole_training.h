#pragma once
//! \file
//! Whole trainings by the trainer itself, of batches that a test makes.

#include <functional>
#include <utility>
#include <vector>

#include "workers/training/trainer.h"

namespace resolute::workers::worker_tests {

//! What `make` makes for a step and a lane.
class MadeSource final : public BatchSource {
 public:
  using Make = std::function<methods::LaneBatch(std::uint64_t step, int lane)>;
  MadeSource(std::vector<std::int64_t> lane_rows, Make make) : rows_(std::move(lane_rows)), make_(std::move(make)) {}
  std::vector<std::int64_t> lane_rows(std::uint64_t) override { return rows_; }
  methods::LaneBatch batch(std::uint64_t step, int lane) override {
    methods::LaneBatch batch = make_(step, lane);
    batch.step = step;
    batch.lane = lane;
    return batch;
  }

 private:
  std::vector<std::int64_t> rows_;
  Make make_;
};

inline TrainingOutcome train_whole(methods::Method& method, MadeSource source, const TrainerOptions& options) {
  ProgressPipe silent(-1);
  return Trainer({.method = method, .source = source, .progress = silent}, options).run();
}

}  // namespace resolute::workers::worker_tests
