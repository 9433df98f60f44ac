#pragma once
//! \file
//! Squared distances of many pairs at once, and their sum over branches: the inner loops of branched_distance.h.

#include <cstddef>
#include <vector>

namespace resolute::results::kernel {

inline constexpr std::size_t kTileRows = 6;       //!< queries that one call works on
inline constexpr std::size_t kPanelColumns = 32;  //!< gallery images that one call works on

//! A way to compute, for some processors; each gives the same bits.
struct PairwiseKernel {
  //! sums[r · sums_stride + c] += Σ_k (rows[r · row_stride + k] − panel[k · kPanelColumns + c])², r < kTileRows,
  //! c < kPanelColumns, k < depth: each difference rounded to double, then a fused multiply-add onto the sum, k
  //! ascending. The sums of two calls on successive dimensions are those of one call on both.
  void (*add_squares)(const double* rows, std::size_t row_stride, const double* panel, std::size_t depth, double* sums,
                      std::size_t sums_stride);
  //! to[i] += weights[i] / totals[i] · √squares[i], each operation rounded to double.
  void (*add_shares)(const double* squares, const double* weights, const double* totals, std::size_t count, double* to);
};

//! Those that this processor can run, the fastest first; the last one needs no vector instructions.
const std::vector<PairwiseKernel>& pairwise_kernels();

}  // namespace resolute::results::kernel
