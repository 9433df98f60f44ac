#pragma once
//! \file
//! Batch normalisation whose running statistics can be held still: with lanes they move with lane 0 alone, once a step,
//! however often a forward pass is computed again (design, §6).

#include "workers/nn/initialise.h"
#include "workers/torch.h"

namespace resolute::workers {

//! While one is alive on this thread, batch norms in training mode normalise with the batch's statistics and leave
//! their running ones alone; outputs and gradients are the same bits. Holds nest. Evaluation mode is not affected.
class RunningStatisticsHold {
 public:
  RunningStatisticsHold();
  ~RunningStatisticsHold();
  RunningStatisticsHold(const RunningStatisticsHold&) = delete;
  RunningStatisticsHold& operator=(const RunningStatisticsHold&) = delete;
  //! True while any is alive on this thread.
  static bool active();
};

//! N×C or N×C×H×W → the same shape, each channel normalised over the rest. Parameters weight (starts at 1), bias (0);
//! buffers running_mean (0), running_var (1), which move by 0.1 a batch; epsilon 1e-5 (torch's defaults). torch's
//! num_batches_tracked is left out: nothing reads it at a fixed momentum.
//!
//! In training mode over one value a channel (one row, N×C) the output is the bias (to rounding) and running statistics
//! stay: an unbiased variance of one value is 0/0. Over no row nothing moves either, and the output has no rows.
class BatchNorm : public torch::nn::Module, public InitialisedLayer {
 public:
  static constexpr double kEpsilon = 1e-5;  //!< added to the variance
  explicit BatchNorm(std::int64_t channels);
  at::Tensor forward(const at::Tensor& input) const;
  void initialise(std::uint64_t seed, const std::string& name) override;

  at::Tensor weight, bias, running_mean, running_var;
};

}  // namespace resolute::workers
