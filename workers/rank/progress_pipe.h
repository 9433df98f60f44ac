#pragma once
//! \file
//! Progress lines to whoever started this process (docs/inside/worker.md): signs of life, and where a job stands.

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include "core/clock.h"
#include "core/files/json.h"

namespace resolute::workers {

//! Writes whole JSON lines to a descriptor; at most two a second, checkpoints and evaluations' scores always. A reader
//! that has gone is no reason to stop: the lines are dropped from then on. Not thread-safe.
class ProgressPipe {
 public:
  //! \param descriptor -1: nothing is written; not closed
  explicit ProgressPipe(int descriptor, const core::Clock& clock = core::monotonic_clock());
  //! {"step", "steps", "loss", "images_per_second", "gpu"}; `loss` left out where there is none, the rate until it is
  //! known, `gpu` where watch() was not called or has nothing to tell.
  //! \param step units of work done of `steps` \param images done since this process began
  void step(std::uint64_t step, std::uint64_t steps, std::optional<double> loss, std::uint64_t images);
  //! \param gauge asked for step()'s `gpu` every five seconds, on the thread that calls step(); an empty object for
  //! nothing
  void watch(std::function<core::Json()> gauge) { gauge_ = std::move(gauge); }
  //! {"checkpoint": step}
  void checkpoint(std::uint64_t step);
  //! {"evaluating": {"done", "total"}}: images of an evaluation during a training.
  void evaluating(std::uint64_t done, std::uint64_t total);
  //! {"evaluation": {"step", "mAP", "rank1"}}: fractions, of the networks after `step` steps.
  void evaluation(std::uint64_t step, double map, double rank1);
  //! Images a second since construction.
  double images_per_second(std::uint64_t images) const;

 private:
  bool too_soon();
  void write_line(const core::Json& json);

  int descriptor_;
  const core::Clock& clock_;
  core::MonotonicTime start_;
  std::optional<core::MonotonicTime> written_, gauged_;
  std::function<core::Json()> gauge_;
  core::Json gpu_;  // the last reading
};

}  // namespace resolute::workers
