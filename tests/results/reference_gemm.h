#pragma once
//! \file
//! The matrix product of ranking that tests hold others against.

#include "results/kernel/gemm.h"

namespace resolute::results {

//! Plain loops without any library; slow.
inline void reference_gemm(const GemmBlock& block) {
  constexpr std::size_t kLanes = 8;
  for (std::size_t i = 0; i < block.rows; ++i) {
    const float* a = block.a + i * block.a_stride;
    for (std::size_t j = 0; j < block.columns; ++j) {
      const float* b = block.b + j * block.b_stride;
      float sums[kLanes] = {};
      std::size_t k = 0;
      for (; k + kLanes <= block.depth; k += kLanes)
        for (std::size_t lane = 0; lane < kLanes; ++lane) sums[lane] += a[k + lane] * b[k + lane];
      float sum = 0;
      for (; k < block.depth; ++k) sum += a[k] * b[k];
      for (float lane : sums) sum += lane;
      block.c[i * block.c_stride + j] = sum;
    }
  }
}

}  // namespace resolute::results
