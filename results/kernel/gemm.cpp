#include "results/kernel/gemm.h"

#include <limits>

namespace resolute::results {

double gemm_error_factor(std::size_t depth) {
  constexpr double kUnitRoundoff = 0x1p-24;
  double nu = static_cast<double>(depth + 2) * kUnitRoundoff;
  return nu < 0.5 ? nu / (1 - nu) : std::numeric_limits<double>::infinity();
}

void reference_gemm(const GemmBlock& block) {
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
