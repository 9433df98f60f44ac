#include "datasets/image/resample_passes.h"

#include <algorithm>
#include <cstring>

#if defined(__x86_64__)
// GCC 12 takes the values that its own AVX-512 header leaves undefined on purpose for mistakes (PR 105593).
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#pragma GCC diagnostic pop
#endif

namespace resolute::datasets::passes {
namespace {

constexpr std::int32_t kHalf = 1 << (kPrecisionBits - 1);
constexpr std::size_t kPlainBlock = 64;
constexpr std::size_t kBlockDigits = 3 * 64;  // of a block and four taps

std::uint8_t rounded(std::int32_t sum) { return static_cast<std::uint8_t>(std::clamp(sum >> kPrecisionBits, 0, 255)); }

// Input row `tap` of an output. Taps that only fill up may lie beyond the last row: any row does for them.
const std::uint8_t* row_of(const std::uint8_t* in, std::size_t stride, const Taps& taps, std::int32_t tap) {
  return in + static_cast<std::size_t>(std::min(tap, taps.in_size - 1)) * stride;
}

void filter_rows_plain(const std::uint8_t* in, std::size_t in_stride, std::size_t rows, const Taps& taps,
                       std::uint8_t* out, std::size_t out_stride) {
  const auto outputs = static_cast<std::size_t>(taps.out_size);
  for (std::size_t y = 0; y < rows; ++y, in += in_stride, out += out_stride)
    for (std::size_t x = 0; x < outputs; ++x) {
      const std::uint8_t* from = in + static_cast<std::size_t>(taps.first[x]) * 3;
      const std::int32_t* weights = &taps.weights[x * taps.stride];
      std::int32_t sums[3] = {kHalf, kHalf, kHalf};
      for (std::int32_t i = 0; i < taps.count[x]; ++i, from += 3)
        for (std::size_t c = 0; c < 3; ++c) sums[c] += weights[i] * from[c];
      for (std::size_t c = 0; c < 3; ++c) out[x * 3 + c] = rounded(sums[c]);
    }
}

// `count` bytes of one output row. Inlined: with a constant count its loops are those of a vector.
__attribute__((always_inline)) inline void filter_column_block(const std::uint8_t* from, std::size_t in_stride,
                                                               const std::int32_t* weights, std::int32_t taps,
                                                               std::size_t count, std::uint8_t* out) {
  std::int32_t sums[kPlainBlock];
  for (std::size_t j = 0; j < count; ++j) sums[j] = kHalf;
  for (std::int32_t i = 0; i < taps; ++i, from += in_stride)
    for (std::size_t j = 0; j < count; ++j) sums[j] += weights[i] * from[j];
  for (std::size_t j = 0; j < count; ++j) out[j] = rounded(sums[j]);
}

void filter_columns_plain(const std::uint8_t* in, std::size_t in_stride, std::size_t row_bytes, const Taps& taps,
                          std::uint8_t* out, std::size_t out_stride) {
  for (std::size_t y = 0; y < static_cast<std::size_t>(taps.out_size); ++y, out += out_stride) {
    const std::uint8_t* from = in + static_cast<std::size_t>(taps.first[y]) * in_stride;
    const std::int32_t* weights = &taps.weights[y * taps.stride];
    std::size_t x = 0;
    for (; x + kPlainBlock <= row_bytes; x += kPlainBlock)
      filter_column_block(from + x, in_stride, weights, taps.count[y], kPlainBlock, out + x);
    if (x < row_bytes) filter_column_block(from + x, in_stride, weights, taps.count[y], row_bytes - x, out + x);
  }
}

#if defined(__x86_64__)

// Two taps as 16 bits each, or four as 8: one broadcast.
template <class T>
std::int32_t word_at(const T* from) {
  std::int32_t word = 0;
  std::memcpy(&word, from, sizeof(word));
  return word;
}

// How often `step` taps cover `count`.
std::int32_t steps(std::int32_t count, std::int32_t step) { return (count + step - 1) / step; }

// ---- AVX2: products of 16 bits with the halves of the weights, 16 at a time ----

__attribute__((target("avx2"))) __m128i load_16(const std::uint8_t* from) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
}

__attribute__((target("avx2"))) __m256i load_32(const std::uint8_t* from) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}

struct HalfSums {
  __m256i low, high;
};

__attribute__((target("avx2"), always_inline)) inline void add_pair(HalfSums& sums, __m256i pixels,
                                                                    const std::int16_t* weights) {
  sums.low = _mm256_add_epi32(sums.low, _mm256_madd_epi16(pixels, _mm256_set1_epi32(word_at(weights))));
  sums.high = _mm256_add_epi32(sums.high, _mm256_madd_epi16(pixels, _mm256_set1_epi32(word_at(weights + 2))));
}

__attribute__((target("avx2"), always_inline)) inline __m256i finished(const HalfSums& sums) {
  return _mm256_srai_epi32(_mm256_add_epi32(sums.low, _mm256_slli_epi32(sums.high, 12)), kPrecisionBits);
}

__attribute__((target("avx2"), always_inline)) inline HalfSums begun() {
  return {_mm256_set1_epi32(kHalf), _mm256_setzero_si256()};
}

// Two rows at a time, one in each half of a register; four pixels are stored together.
__attribute__((target("avx2"))) void filter_rows_avx2(const std::uint8_t* in, std::size_t in_stride, std::size_t rows,
                                                      const Taps& taps, std::uint8_t* out, std::size_t out_stride) {
  const __m256i two_pixels =
      _mm256_broadcastsi128_si256(_mm_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1));
  const __m256i compact =
      _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1));
  const auto outputs = static_cast<std::size_t>(taps.out_size);
  for (std::size_t y = 0; y < rows; y += 2) {
    const std::size_t second = std::min(y + 1, rows - 1);
    const std::uint8_t* upper = in + y * in_stride;
    const std::uint8_t* lower = in + second * in_stride;
    for (std::size_t x = 0; x < outputs; x += Taps::kOutputs) {
      __m256i pixels[Taps::kOutputs];
      for (std::size_t i = 0; i < Taps::kOutputs; ++i) {
        std::size_t at = static_cast<std::size_t>(taps.first[x + i]) * 3;
        const std::int16_t* weights = &taps.halves[(x + i) * taps.stride * 2];
        HalfSums sums = begun();
        for (std::int32_t left = steps(taps.count[x + i], 2); left > 0; --left, at += 6, weights += 4) {
          const __m256i both =
              _mm256_inserti128_si256(_mm256_castsi128_si256(load_16(upper + at)), load_16(lower + at), 1);
          add_pair(sums, _mm256_shuffle_epi8(both, two_pixels), weights);
        }
        pixels[i] = finished(sums);
      }
      const __m256i packed = _mm256_shuffle_epi8(
          _mm256_packus_epi16(_mm256_packs_epi32(pixels[0], pixels[1]), _mm256_packs_epi32(pixels[2], pixels[3])),
          compact);
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out + y * out_stride + x * 3), _mm256_castsi256_si128(packed));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out + second * out_stride + x * 3),
                       _mm256_extracti128_si256(packed, 1));
    }
  }
}

constexpr std::size_t kAvx2Block = 32;

// The last block ends with the row and may lie over the one before it.
__attribute__((target("avx2"))) void filter_columns_avx2(const std::uint8_t* in, std::size_t in_stride,
                                                         std::size_t row_bytes, const Taps& taps, std::uint8_t* out,
                                                         std::size_t out_stride) {
  const __m256i zero = _mm256_setzero_si256();
  for (std::size_t y = 0; y < static_cast<std::size_t>(taps.out_size); ++y) {
    const std::int32_t first = taps.first[y];
    const std::int32_t pairs = steps(taps.count[y], 2);
    for (std::size_t x = 0; x < row_bytes; x += kAvx2Block) {
      const std::size_t at = std::min(x, row_bytes - kAvx2Block);
      const std::int16_t* weights = &taps.halves[y * taps.stride * 2];
      HalfSums sums[4] = {begun(), begun(), begun(), begun()};
      for (std::int32_t pair = 0; pair < pairs; ++pair, weights += 4) {
        const __m256i upper = load_32(row_of(in, in_stride, taps, first + 2 * pair) + at);
        const __m256i lower = load_32(row_of(in, in_stride, taps, first + 2 * pair + 1) + at);
        const __m256i even = _mm256_unpacklo_epi8(upper, lower);
        const __m256i odd = _mm256_unpackhi_epi8(upper, lower);
        add_pair(sums[0], _mm256_unpacklo_epi8(even, zero), weights);
        add_pair(sums[1], _mm256_unpackhi_epi8(even, zero), weights);
        add_pair(sums[2], _mm256_unpacklo_epi8(odd, zero), weights);
        add_pair(sums[3], _mm256_unpackhi_epi8(odd, zero), weights);
      }
      const __m256i bytes = _mm256_packus_epi16(_mm256_packs_epi32(finished(sums[0]), finished(sums[1])),
                                                _mm256_packs_epi32(finished(sums[2]), finished(sums[3])));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + y * out_stride + at), bytes);
    }
  }
}

// ---- AVX-512 with VNNI: products of 8 bits with the digits of the weights, 64 at a time ----

#define RESOLUTE_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni,avx512vbmi")))
#define RESOLUTE_AVX512_INLINE \
  __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni,avx512vbmi"), always_inline)) inline

struct DigitSums {
  __m512i digit[3];
};

RESOLUTE_AVX512_INLINE void add_four(DigitSums& sums, __m512i pixels, const std::int8_t* weights) {
  for (int d = 0; d < 3; ++d)
    sums.digit[d] = _mm512_dpbusd_epi32(sums.digit[d], pixels, _mm512_set1_epi32(word_at(weights + d * 4)));
}

RESOLUTE_AVX512_INLINE DigitSums digits_begun() {
  return {{_mm512_set1_epi32(kHalf), _mm512_setzero_si512(), _mm512_setzero_si512()}};
}

RESOLUTE_AVX512_INLINE __m512i digits_finished(const DigitSums& sums) {
  const __m512i upper = _mm512_add_epi32(_mm512_slli_epi32(sums.digit[2], 8), sums.digit[1]);
  return _mm512_srai_epi32(_mm512_add_epi32(_mm512_slli_epi32(upper, 8), sums.digit[0]), kPrecisionBits);
}

// The outputs of a block in every row before the next block: its weights stay at hand.
RESOLUTE_AVX512 void filter_rows_avx512(const std::uint8_t* in, std::size_t in_stride, std::size_t rows,
                                        const Taps& taps, std::uint8_t* out, std::size_t out_stride) {
  for (const Taps::Block& block : taps.blocks) {
    const __m512i from = _mm512_loadu_si512(block.from.data());
    const std::uint8_t* window = in + static_cast<std::size_t>(block.first) * 3;
    std::uint8_t* to = out;
    for (std::size_t y = 0; y < rows; ++y, window += in_stride, to += out_stride) {
      DigitSums sums = digits_begun();
      const std::int8_t* weights = &taps.block_digits[block.digits];
      const std::uint8_t* at = window;
      for (std::int32_t four = 0; four < block.fours; ++four, weights += kBlockDigits, at += 12) {
        const __m512i pixels = _mm512_permutexvar_epi8(from, _mm512_loadu_si512(at));
        for (std::size_t d = 0; d < 3; ++d)
          sums.digit[d] = _mm512_dpbusd_epi32(sums.digit[d], pixels, _mm512_loadu_si512(weights + d * 64));
      }
      const __m512i values = _mm512_max_epi32(digits_finished(sums), _mm512_setzero_si512());
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_cvtusepi32_epi8(values));
    }
    out += Taps::kBlockOutputs * 3;
  }
}

constexpr std::size_t kAvx512Block = 64;

RESOLUTE_AVX512 void filter_columns_avx512(const std::uint8_t* in, std::size_t in_stride, std::size_t row_bytes,
                                           const Taps& taps, std::uint8_t* out, std::size_t out_stride) {
  for (std::size_t y = 0; y < static_cast<std::size_t>(taps.out_size); ++y) {
    const std::int32_t first = taps.first[y];
    const std::int32_t fours = steps(taps.count[y], 4);
    for (std::size_t x = 0; x < row_bytes; x += kAvx512Block) {
      const std::size_t at = std::min(x, row_bytes - kAvx512Block);
      const std::int8_t* weights = &taps.digits[y * taps.stride * 3];
      DigitSums sums[4] = {digits_begun(), digits_begun(), digits_begun(), digits_begun()};
      for (std::int32_t four = 0; four < fours; ++four, weights += 12) {
        __m512i rows[4];
        for (std::int32_t i = 0; i < 4; ++i)
          rows[i] = _mm512_loadu_si512(row_of(in, in_stride, taps, first + 4 * four + i) + at);
        const __m512i even01 = _mm512_unpacklo_epi8(rows[0], rows[1]);
        const __m512i odd01 = _mm512_unpackhi_epi8(rows[0], rows[1]);
        const __m512i even23 = _mm512_unpacklo_epi8(rows[2], rows[3]);
        const __m512i odd23 = _mm512_unpackhi_epi8(rows[2], rows[3]);
        add_four(sums[0], _mm512_unpacklo_epi16(even01, even23), weights);
        add_four(sums[1], _mm512_unpackhi_epi16(even01, even23), weights);
        add_four(sums[2], _mm512_unpacklo_epi16(odd01, odd23), weights);
        add_four(sums[3], _mm512_unpackhi_epi16(odd01, odd23), weights);
      }
      const __m512i bytes = _mm512_packus_epi16(_mm512_packs_epi32(digits_finished(sums[0]), digits_finished(sums[1])),
                                                _mm512_packs_epi32(digits_finished(sums[2]), digits_finished(sums[3])));
      _mm512_storeu_si512(out + y * out_stride + at, bytes);
    }
  }
}

#endif

}  // namespace

void Taps::derive() {
  halves.assign(weights.size() * 2, 0);
  digits.assign(weights.size() * 3, 0);
  for (std::size_t out = 0; out < first.size(); ++out)
    for (std::size_t tap = 0; tap < stride; ++tap) {
      const std::int32_t weight = weights[out * stride + tap];
      std::int16_t* pair = &halves[(out * stride + tap / 2 * 2) * 2];
      pair[tap % 2] = static_cast<std::int16_t>(weight & 0xfff);
      pair[2 + tap % 2] = static_cast<std::int16_t>(weight >> 12);
      std::int8_t* four = &digits[(out * stride + tap / 4 * 4) * 3];
      const auto d0 = static_cast<std::int8_t>(weight & 0xff);
      const auto d1 = static_cast<std::int8_t>(((weight - d0) >> 8) & 0xff);
      four[tap % 4] = d0;
      four[4 + tap % 4] = d1;
      four[8 + tap % 4] = static_cast<std::int8_t>((weight - d0 - d1 * 256) >> 16);
    }
  blocks.clear();
  block_digits.clear();
  for (std::size_t out = 0; out < static_cast<std::size_t>(out_size); out += kBlockOutputs)
    if (!add_block(out)) {
      blocks.clear();
      block_digits.clear();
      return;
    }
}

bool Taps::add_block(std::size_t from) {
  const std::size_t end = std::min(from + kBlockOutputs, static_cast<std::size_t>(out_size));
  Block block{first[from], 0, block_digits.size(), {}};
  for (std::size_t out = from; out < end; ++out) {
    block.fours = std::max(block.fours, (count[out] + 3) / 4);
    // The last of four inputs must lie in the window.
    if ((first[out] - block.first + 4) * 3 > static_cast<std::int32_t>(block.from.size())) return false;
  }
  block_digits.resize(block.digits + static_cast<std::size_t>(block.fours) * kBlockDigits);
  for (std::size_t out = from; out < end; ++out)
    for (std::size_t channel = 0; channel < 3; ++channel)
      for (std::size_t tap = 0; tap < 4; ++tap) {
        const std::size_t lane = ((out - from) * 3 + channel) * 4 + tap;
        block.from[lane] =
            static_cast<std::uint8_t>((static_cast<std::size_t>(first[out] - block.first) + tap) * 3 + channel);
        for (std::size_t four = 0; four < static_cast<std::size_t>(block.fours); ++four)
          for (std::size_t d = 0; d < 3; ++d)
            block_digits[block.digits + four * kBlockDigits + d * 64 + lane] =
                digits[(out * stride + four * 4) * 3 + d * 4 + tap];
      }
  blocks.push_back(block);
  return true;
}

Instructions best_instructions() {
#if defined(__x86_64__)
  static const Instructions kBest = [] {
    if (__builtin_cpu_supports("avx512vnni") != 0 && __builtin_cpu_supports("avx512vbmi") != 0 &&
        __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512vl") != 0)
      return Instructions::kAvx512;
    return __builtin_cpu_supports("avx2") != 0 ? Instructions::kAvx2 : Instructions::kPlain;
  }();
  return kBest;
#else
  return Instructions::kPlain;
#endif
}

void filter_rows(Instructions with, const std::uint8_t* in, std::size_t in_stride, std::size_t rows, const Taps& taps,
                 std::uint8_t* out, std::size_t out_stride) {
#if defined(__x86_64__)
  if (with == Instructions::kAvx512 && !taps.blocks.empty())
    return filter_rows_avx512(in, in_stride, rows, taps, out, out_stride);
  if (with != Instructions::kPlain) return filter_rows_avx2(in, in_stride, rows, taps, out, out_stride);
#endif
  filter_rows_plain(in, in_stride, rows, taps, out, out_stride);
}

void filter_columns(Instructions with, const std::uint8_t* in, std::size_t in_stride, std::size_t row_bytes,
                    const Taps& taps, std::uint8_t* out, std::size_t out_stride) {
#if defined(__x86_64__)
  if (with == Instructions::kAvx512 && row_bytes >= kAvx512Block)
    return filter_columns_avx512(in, in_stride, row_bytes, taps, out, out_stride);
  if (with != Instructions::kPlain && row_bytes >= kAvx2Block)
    return filter_columns_avx2(in, in_stride, row_bytes, taps, out, out_stride);
#endif
  filter_columns_plain(in, in_stride, row_bytes, taps, out, out_stride);
}

}  // namespace resolute::datasets::passes
