#pragma once
//! \file
//! The source of a training's batches: a pack (pack_source.h), or memory in tests.

#include <cstdint>
#include <vector>

#include "methods/networks/method.h"

namespace resolute::workers {

//! Every answer is a pure function of the step and lane. Steps are asked for in ascending order, from one thread.
class BatchSource {
 public:
  virtual ~BatchSource() = default;
  //! Rows of each of the L lanes in a step, at least one each.
  virtual std::vector<std::int64_t> lane_rows(std::uint64_t step) = 0;
  //! One lane's batch. A process rank asks for its own lanes alone, in ascending order.
  virtual methods::LaneBatch batch(std::uint64_t step, int lane) = 0;
  //! Seconds that batch() has waited for images so far.
  virtual double seconds_waited() const { return 0; }
};

}  // namespace resolute::workers
