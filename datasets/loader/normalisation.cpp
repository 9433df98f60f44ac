#include "datasets/loader/normalisation.h"

#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "core/error.h"

namespace resolute::datasets {
namespace {

// Normalised value of each 8-bit level, a channel.
struct LevelTable {
  std::array<std::array<float, 256>, 3> value{};
  LevelTable() {
    for (std::size_t channel = 0; channel < 3; ++channel)
      for (std::size_t level = 0; level < 256; ++level)
        value[channel][level] = normalised_level(static_cast<std::uint8_t>(level), channel);
  }
};

void mirror_rest(const std::uint8_t* from, std::size_t begin, std::size_t end, std::size_t width, std::uint8_t* to) {
  for (std::size_t x = begin; x < end; ++x) std::memcpy(to + (width - 1 - x) * 3, from + x * 3, 3);
}

#if defined(__x86_64__)
constexpr std::size_t kLanes = 8;                // of an AVX register
constexpr std::size_t kPeriod = 3 * kLanes;      // after so many levels each lane has its channel again
constexpr std::size_t kStreamingAlignment = 32;  // bytes

// Constants of the three registers that kPeriod levels fill.
struct LaneConstants {
  alignas(32) std::array<float, kPeriod> mean{};
  alignas(32) std::array<float, kPeriod> deviation{};
  alignas(32) std::array<float, kPeriod> inverse{};
  constexpr LaneConstants() {
    for (std::size_t i = 0; i < kPeriod; ++i) {
      mean[i] = kChannelMean[i % 3];
      deviation[i] = kChannelDeviation[i % 3];
      inverse[i] = 1.0F / kChannelDeviation[i % 3];
    }
  }
};
constexpr LaneConstants kLaneConstants;

// A division costs as much as all of this: x times the inverse is a quotient that may be off in its last bit, and what
// x lacks of quotient · divisor, exact in a fused multiply-add, corrects it (Markstein, "Computation of elementary
// functions on the IBM RISC System/6000 processor", 1990). That the result is the rounded quotient for each of the 256
// levels and three channels, a test checks: there are no others.
__attribute__((target("avx2,fma"), always_inline)) inline __m256 divide(__m256 x, __m256 divisor, __m256 inverse) {
  const __m256 quotient = _mm256_mul_ps(x, inverse);
  return _mm256_fmadd_ps(_mm256_fnmadd_ps(quotient, divisor, x), inverse, quotient);
}

template <bool kStream>
__attribute__((target("avx2,fma"))) void normalise_periods(const std::uint8_t* from, std::size_t periods, float* to) {
  const __m256 highest = _mm256_set1_ps(255.0F);
  const __m256 inverse_highest = _mm256_set1_ps(1.0F / 255.0F);
  for (std::size_t i = 0; i < periods; ++i, from += kPeriod, to += kPeriod)
    for (std::size_t lane = 0; lane < kPeriod; lane += kLanes) {
      const __m128i levels = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from + lane));
      const __m256 share = divide(_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(levels)), highest, inverse_highest);
      const __m256 value =
          divide(_mm256_sub_ps(share, _mm256_load_ps(&kLaneConstants.mean[lane])),
                 _mm256_load_ps(&kLaneConstants.deviation[lane]), _mm256_load_ps(&kLaneConstants.inverse[lane]));
      if constexpr (kStream)
        _mm256_stream_ps(to + lane, value);
      else
        _mm256_storeu_ps(to + lane, value);
    }
}

// Five pixels at a time, reversed in bytes 1 to 15 of a register. Byte 0 lands on the pixel that is written next: so
// one pixel more must follow in the row.
__attribute__((target("ssse3"))) void mirror_ssse3(const std::uint8_t* from, std::size_t width, std::uint8_t* to) {
  const __m128i order = _mm_setr_epi8(0, 12, 13, 14, 9, 10, 11, 6, 7, 8, 3, 4, 5, 0, 1, 2);
  std::size_t x = 0;
  for (; x + 6 <= width; x += 5) {
    const __m128i five = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + x * 3));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + (width - x - 5) * 3 - 1), _mm_shuffle_epi8(five, order));
  }
  mirror_rest(from, x, width, width, to);
}
#endif

}  // namespace

void normalise_pixels_plain(std::span<const std::uint8_t> pixels, float* to) {
  static const LevelTable kTable;
  RESOLUTE_EXPECT(pixels.size() % 3 == 0, "pixels of three levels");
  for (std::size_t i = 0; i < pixels.size(); i += 3)
    for (std::size_t channel = 0; channel < 3; ++channel) to[i + channel] = kTable.value[channel][pixels[i + channel]];
}

void normalise_pixels(std::span<const std::uint8_t> pixels, float* to, Store store) {
#if defined(__x86_64__)
  static const bool kHasInstructions = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
  if (kHasInstructions) {
    const std::size_t periods = pixels.size() / kPeriod;
    if (store == Store::kStreaming && reinterpret_cast<std::uintptr_t>(to) % kStreamingAlignment == 0)
      normalise_periods<true>(pixels.data(), periods, to);
    else
      normalise_periods<false>(pixels.data(), periods, to);
    pixels = pixels.subspan(periods * kPeriod);
    to += periods * kPeriod;
  }
#else
  static_cast<void>(store);
#endif
  normalise_pixels_plain(pixels, to);
}

void stream_floats(std::span<const float> from, float* to) {
#if defined(__x86_64__)
  constexpr std::size_t kFour = 4;  // of SSE2, which every such processor has
  if (reinterpret_cast<std::uintptr_t>(to) % (kFour * sizeof(float)) == 0)
    for (; from.size() >= kFour; from = from.subspan(kFour), to += kFour) _mm_stream_ps(to, _mm_loadu_ps(from.data()));
#endif
  std::copy(from.begin(), from.end(), to);
}

void finish_streaming() {
#if defined(__x86_64__)
  _mm_sfence();
#endif
}

void mirror_pixels_plain(std::span<const std::uint8_t> pixels, std::uint8_t* to) {
  mirror_rest(pixels.data(), 0, pixels.size() / 3, pixels.size() / 3, to);
}

void mirror_pixels(std::span<const std::uint8_t> pixels, std::uint8_t* to) {
#if defined(__x86_64__)
  static const bool kHasInstruction = __builtin_cpu_supports("ssse3") != 0;
  if (kHasInstruction) return mirror_ssse3(pixels.data(), pixels.size() / 3, to);
#endif
  mirror_pixels_plain(pixels, to);
}

}  // namespace resolute::datasets
