#pragma once
//! \file
//! The matrix product that ranking is handed as an argument, so that each program brings its own BLAS (resolute:
//! OpenBLAS, resolute-worker: libtorch's). It only filters; no bit of a result depends on it.

#include <cstddef>
#include <functional>
#include <limits>

namespace resolute::results {

//! One product C = A·Bᵀ, all row-major; strides are distances between rows in elements, at least the row's length.
struct GemmBlock {
  const float* a;  //!< rows × depth
  std::size_t a_stride;
  const float* b;  //!< columns × depth
  std::size_t b_stride;
  float* c;  //!< rows × columns, overwritten
  std::size_t c_stride;
  std::size_t rows, columns, depth;
};

//! Called from several threads at once. Products and sums in float32 or better, in any order, with or without fused
//! multiply-add: |C_ij - Σ_k a_ik b_jk| ≤ gemm_error_factor(depth)·‖a_i‖·‖b_j‖ (TF32 and bf16 are not that good;
//! ranking checks the bound on every true match and refuses a product that breaks it).
using Gemm = std::function<void(const GemmBlock&)>;

//! γ = n·u / (1 - n·u) with u = 2⁻²⁴ and n = depth + 2, infinite where n·u ≥ 1/2. Source: Higham, "Accuracy and
//! Stability of Numerical Algorithms", 2nd edition, section 3.1; it holds for every order of summation.
inline double gemm_error_factor(std::size_t depth) {
  constexpr double kUnitRoundoff = 0x1p-24;
  const double nu = static_cast<double>(depth + 2) * kUnitRoundoff;
  return nu < 0.5 ? nu / (1 - nu) : std::numeric_limits<double>::infinity();
}

}  // namespace resolute::results
