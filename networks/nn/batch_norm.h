#pragma once
//! \file
//! Batch normalisation whose running statistics can be held still: with lanes they move with lane 0 alone, once a step,
//! however often a forward pass is computed again (docs/inside/worker.md).

#include "networks/kernels/fused_norm.h"
#include "networks/nn/initialise.h"
#include "networks/torch.h"

namespace resolute::networks {

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

//! torch's defaults.
struct BatchNormOptions {
  double epsilon = 1e-5, momentum = 0.1;
};

//! N×C or N×C×H×W → the same shape, each channel normalised over the rest. Buffers running_mean (starts at 0),
//! running_var (1), which move by BatchNormOptions::momentum a batch. torch's num_batches_tracked is left out: nothing
//! reads it at a fixed momentum.
//!
//! In training mode over one value a channel (one row, N×C) the output is the bias (to rounding) and running statistics
//! stay: an unbiased variance of one value is 0/0. Over no row nothing moves either, and the output has no rows.
class BatchNorm : public NormLayer {
 public:
  explicit BatchNorm(std::int64_t channels, const BatchNormOptions& options = {});
  at::Tensor forward(const at::Tensor& input) const;
  //! True if forward_fused() takes this input: in training mode, with the batch's statistics, where fuses() says so.
  bool is_fused(const at::Tensor& input) const;
  //! rectifier(forward(input) + summand), to rounding, in one pass: fused_norm(). \param summand undefined: none
  at::Tensor forward_fused(const at::Tensor& input, const at::Tensor& summand, Rectifier rectifier) const;
  void initialise(std::uint64_t seed, const std::string& name) override;
  //! From here on it normalises with its running statistics in training mode too, and neither they nor its parameters
  //! learn.
  void freeze();
  //! The summand of the variance.
  double epsilon() const { return options_.epsilon; }

  at::Tensor running_mean, running_var;

 private:
  bool uses_batch() const { return is_training() && !frozen_; }

  BatchNormOptions options_;
  bool frozen_ = false;
};

}  // namespace resolute::networks
