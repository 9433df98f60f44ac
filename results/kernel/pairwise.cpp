#include "results/kernel/pairwise.h"

#include <cmath>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace resolute::results::kernel {
namespace {

void add_squares_portable(const double* rows, std::size_t row_stride, const double* panel, std::size_t depth,
                          double* sums, std::size_t sums_stride) {
  for (std::size_t r = 0; r < kTileRows; ++r)
    for (std::size_t k = 0; k < depth; ++k)
      for (std::size_t c = 0; c < kPanelColumns; ++c) {
        const double difference = panel[k * kPanelColumns + c] - rows[r * row_stride + k];
        double& sum = sums[r * sums_stride + c];
        sum = std::fma(difference, difference, sum);
      }
}

void add_shares_portable(const double* squares, const double* weights, const double* totals, std::size_t count,
                         double* to) {
  for (std::size_t i = 0; i < count; ++i) to[i] += weights[i] / totals[i] * std::sqrt(squares[i]);
}

constexpr PairwiseKernel kPortable{add_squares_portable, add_shares_portable};

#if defined(__x86_64__)

// The pragmas: sums stay in registers only where those loops are gone, which -O2 alone leaves.

//! A part of the tile whose sums stay in registers: `Rows` × `Vectors` of 4.
template <std::size_t Rows, std::size_t Vectors>
__attribute__((target("avx2,fma"))) void add_squares_avx2_part(const double* rows, std::size_t row_stride,
                                                               const double* panel, std::size_t depth, double* sums,
                                                               std::size_t sums_stride) {
  __m256d sum[Rows][Vectors];
#pragma GCC unroll 8
  for (std::size_t r = 0; r < Rows; ++r)
#pragma GCC unroll 8
    for (std::size_t v = 0; v < Vectors; ++v) sum[r][v] = _mm256_loadu_pd(sums + r * sums_stride + 4 * v);
  for (std::size_t k = 0; k < depth; ++k) {
    __m256d column[Vectors];
#pragma GCC unroll 8
    for (std::size_t v = 0; v < Vectors; ++v) column[v] = _mm256_loadu_pd(panel + k * kPanelColumns + 4 * v);
#pragma GCC unroll 8
    for (std::size_t r = 0; r < Rows; ++r) {
      const __m256d value = _mm256_broadcast_sd(rows + r * row_stride + k);
#pragma GCC unroll 8
      for (std::size_t v = 0; v < Vectors; ++v) {
        const __m256d difference = _mm256_sub_pd(column[v], value);
        sum[r][v] = _mm256_fmadd_pd(difference, difference, sum[r][v]);
      }
    }
  }
#pragma GCC unroll 8
  for (std::size_t r = 0; r < Rows; ++r)
#pragma GCC unroll 8
    for (std::size_t v = 0; v < Vectors; ++v) _mm256_storeu_pd(sums + r * sums_stride + 4 * v, sum[r][v]);
}

__attribute__((target("avx2,fma"))) void add_squares_avx2(const double* rows, std::size_t row_stride,
                                                          const double* panel, std::size_t depth, double* sums,
                                                          std::size_t sums_stride) {
  constexpr std::size_t kRows = 6, kVectors = 2, kColumns = 4 * kVectors;
  for (std::size_t c = 0; c < kPanelColumns; c += kColumns)
    for (std::size_t r = 0; r < kTileRows; r += kRows)
      add_squares_avx2_part<kRows, kVectors>(rows + r * row_stride, row_stride, panel + c, depth,
                                             sums + r * sums_stride + c, sums_stride);
}

constexpr PairwiseKernel kAvx2{add_squares_avx2, add_shares_portable};

__attribute__((target("avx512f"))) void add_squares_avx512(const double* rows, std::size_t row_stride,
                                                           const double* panel, std::size_t depth, double* sums,
                                                           std::size_t sums_stride) {
  constexpr std::size_t kVectors = kPanelColumns / 8;
  __m512d sum[kTileRows][kVectors];
#pragma GCC unroll 8
  for (std::size_t r = 0; r < kTileRows; ++r)
#pragma GCC unroll 8
    for (std::size_t v = 0; v < kVectors; ++v) sum[r][v] = _mm512_loadu_pd(sums + r * sums_stride + 8 * v);
  for (std::size_t k = 0; k < depth; ++k) {
    __m512d column[kVectors];
#pragma GCC unroll 8
    for (std::size_t v = 0; v < kVectors; ++v) column[v] = _mm512_loadu_pd(panel + k * kPanelColumns + 8 * v);
#pragma GCC unroll 8
    for (std::size_t r = 0; r < kTileRows; ++r) {
      const __m512d value = _mm512_set1_pd(rows[r * row_stride + k]);
#pragma GCC unroll 8
      for (std::size_t v = 0; v < kVectors; ++v) {
        const __m512d difference = _mm512_sub_pd(column[v], value);
        sum[r][v] = _mm512_fmadd_pd(difference, difference, sum[r][v]);
      }
    }
  }
#pragma GCC unroll 8
  for (std::size_t r = 0; r < kTileRows; ++r)
#pragma GCC unroll 8
    for (std::size_t v = 0; v < kVectors; ++v) _mm512_storeu_pd(sums + r * sums_stride + 8 * v, sum[r][v]);
}

__attribute__((target("avx512f"))) void add_shares_avx512(const double* squares, const double* weights,
                                                          const double* totals, std::size_t count, double* to) {
  std::size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m512d share = _mm512_div_pd(_mm512_loadu_pd(weights + i), _mm512_loadu_pd(totals + i));
    // Masked with all lanes on: the plain intrinsic reads an uninitialised register as far as g++ 12's warnings see.
    const __m512d root = _mm512_maskz_sqrt_pd(0xff, _mm512_loadu_pd(squares + i));
    _mm512_storeu_pd(to + i, _mm512_add_pd(_mm512_loadu_pd(to + i), _mm512_mul_pd(share, root)));
  }
  add_shares_portable(squares + i, weights + i, totals + i, count - i, to + i);
}

constexpr PairwiseKernel kAvx512{add_squares_avx512, add_shares_avx512};

#endif

std::vector<PairwiseKernel> runnable() {
  std::vector<PairwiseKernel> kernels;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) kernels.push_back(kAvx512);
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) kernels.push_back(kAvx2);
#endif
  kernels.push_back(kPortable);
  return kernels;
}

}  // namespace

const std::vector<PairwiseKernel>& pairwise_kernels() {
  static const std::vector<PairwiseKernel> kernels = runnable();
  return kernels;
}

}  // namespace resolute::results::kernel
