#include "results/kernel/gemm.h"

#include <limits>

namespace resolute::results {

double gemm_error_factor(std::size_t depth) {
  constexpr double kUnitRoundoff = 0x1p-24;
  double nu = static_cast<double>(depth + 2) * kUnitRoundoff;
  return nu < 0.5 ? nu / (1 - nu) : std::numeric_limits<double>::infinity();
}

}  // namespace resolute::results
