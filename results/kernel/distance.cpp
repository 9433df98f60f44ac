#include "results/kernel/distance.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace resolute::results::kernel {
namespace {

constexpr std::size_t kLanes = 16;

double finish(double (&sums)[kLanes], const float* a, const float* b, std::size_t from, std::size_t dimension) {
  for (std::size_t k = from; k < dimension; ++k) {
    double difference = static_cast<double>(a[k]) - static_cast<double>(b[k]);
    sums[k - from] += difference * difference;
  }
  for (std::size_t half = kLanes / 2; half > 0; half /= 2)
    for (std::size_t lane = 0; lane < half; ++lane) sums[lane] += sums[lane + half];
  return sums[0];
}

#if defined(__x86_64__)

__attribute__((target("avx2"))) double squared_distance_avx2(const float* a, const float* b, std::size_t dimension) {
  __m256d sum[4] = {_mm256_setzero_pd(), _mm256_setzero_pd(), _mm256_setzero_pd(), _mm256_setzero_pd()};
  std::size_t k = 0;
  for (; k + kLanes <= dimension; k += kLanes) {
    for (std::size_t part = 0; part < 4; ++part) {
      __m256d left = _mm256_cvtps_pd(_mm_loadu_ps(a + k + 4 * part));
      __m256d right = _mm256_cvtps_pd(_mm_loadu_ps(b + k + 4 * part));
      __m256d difference = _mm256_sub_pd(left, right);
      sum[part] = _mm256_add_pd(sum[part], _mm256_mul_pd(difference, difference));
    }
  }
  double sums[kLanes];
  for (std::size_t part = 0; part < 4; ++part) _mm256_storeu_pd(sums + 4 * part, sum[part]);
  return finish(sums, a, b, k, dimension);
}

//! Masked with all lanes on: the plain intrinsic reads an uninitialised register as far as g++ 12's warnings can see.
__attribute__((target("avx512f"))) inline __m512d widen(const float* from) {
  return _mm512_maskz_cvtps_pd(0xff, _mm256_loadu_ps(from));
}

__attribute__((target("avx512f"))) double squared_distance_avx512(const float* a, const float* b,
                                                                  std::size_t dimension) {
  __m512d low = _mm512_setzero_pd();
  __m512d high = _mm512_setzero_pd();
  std::size_t k = 0;
  for (; k + kLanes <= dimension; k += kLanes) {
    __m512d first = _mm512_sub_pd(widen(a + k), widen(b + k));
    __m512d second = _mm512_sub_pd(widen(a + k + 8), widen(b + k + 8));
    low = _mm512_add_pd(low, _mm512_mul_pd(first, first));
    high = _mm512_add_pd(high, _mm512_mul_pd(second, second));
  }
  double sums[kLanes];
  _mm512_storeu_pd(sums, low);
  _mm512_storeu_pd(sums + 8, high);
  return finish(sums, a, b, k, dimension);
}

#endif

using Distance = double (*)(const float*, const float*, std::size_t);

Distance choose() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return squared_distance_avx512;
  if (__builtin_cpu_supports("avx2")) return squared_distance_avx2;
#endif
  return squared_distance_portable;
}

}  // namespace

double squared_distance_portable(const float* a, const float* b, std::size_t dimension) {
  double sums[kLanes] = {};
  std::size_t k = 0;
  for (; k + kLanes <= dimension; k += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      double difference = static_cast<double>(a[k + lane]) - static_cast<double>(b[k + lane]);
      sums[lane] += difference * difference;
    }
  }
  return finish(sums, a, b, k, dimension);
}

double squared_distance(const float* a, const float* b, std::size_t dimension) {
  static const Distance chosen = choose();
  return chosen(a, b, dimension);
}

}  // namespace resolute::results::kernel
