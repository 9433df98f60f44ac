#include "core/sha256_pair.h"

#include <algorithm>

#include "core/error.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace resolute::core {
namespace {

constexpr std::size_t kBlock = 64;
// FIPS 180-4, 5.3.3: the first 32 bits of the fractions of the square roots of the first eight primes.
constexpr std::array<std::uint32_t, 8> kInitial{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                                0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

#if defined(__x86_64__)

// FIPS 180-4, 4.2.2: of the cube roots of the first 64.
alignas(16) constexpr std::uint32_t kRoundConstants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

struct Words {
  __m128i word[4];  // four groups of four words of the message schedule
};

// One text's state in the instructions' order, and what goes into its next rounds.
struct Chain {
  __m128i abef, cdgh;
  Words schedule;
};

#define RESOLUTE_SHA __attribute__((target("sha,sse4.1,avx"), always_inline)) inline

RESOLUTE_SHA __m128i load(const void* from) { return _mm_loadu_si128(static_cast<const __m128i*>(from)); }

RESOLUTE_SHA void begin(Chain& chain, const std::uint32_t* state) {
  const __m128i cdab = _mm_shuffle_epi32(load(state), 0xb1);
  const __m128i efgh = _mm_shuffle_epi32(load(state + 4), 0x1b);
  chain.abef = _mm_alignr_epi8(cdab, efgh, 8);
  chain.cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);
}

RESOLUTE_SHA void end(const Chain& chain, std::uint32_t* state) {
  const __m128i feba = _mm_shuffle_epi32(chain.abef, 0x1b);
  const __m128i dchg = _mm_shuffle_epi32(chain.cdgh, 0xb1);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(state), _mm_blend_epi16(feba, dchg, 0xf0));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

RESOLUTE_SHA void take_block(Chain& chain, const std::byte* block) {
  const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  for (int i = 0; i < 4; ++i) chain.schedule.word[i] = _mm_shuffle_epi8(load(block + i * 16), big_endian);
}

// Rounds 4·group to 4·group + 3, and the words of four groups later.
RESOLUTE_SHA void four_rounds(Chain& chain, int group) {
  __m128i* w = chain.schedule.word;
  const __m128i current = w[group % 4];
  __m128i sum = _mm_add_epi32(current, _mm_load_si128(reinterpret_cast<const __m128i*>(kRoundConstants) + group));
  chain.cdgh = _mm_sha256rnds2_epu32(chain.cdgh, chain.abef, sum);
  sum = _mm_shuffle_epi32(sum, 0x0e);
  chain.abef = _mm_sha256rnds2_epu32(chain.abef, chain.cdgh, sum);
  if (group >= 12) return;
  const __m128i last = w[(group + 3) % 4];
  const __m128i middle = _mm_alignr_epi8(last, w[(group + 2) % 4], 4);
  w[group % 4] = _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(current, w[(group + 1) % 4]), middle), last);
}

// `blocks` blocks of each of kTexts texts.
template <std::size_t kTexts>
__attribute__((target("sha,sse4.1,avx"))) void compress(const std::array<std::uint32_t*, kTexts>& states,
                                                        std::array<const std::byte*, kTexts> from, std::size_t blocks) {
  Chain chains[kTexts];
  for (std::size_t t = 0; t < kTexts; ++t) begin(chains[t], states[t]);
  for (; blocks > 0; --blocks) {
    __m128i before[kTexts][2];
    for (std::size_t t = 0; t < kTexts; ++t) {
      before[t][0] = chains[t].abef;
      before[t][1] = chains[t].cdgh;
      take_block(chains[t], from[t]);
      from[t] += kBlock;
    }
#pragma GCC unroll 16
    for (int group = 0; group < 16; ++group)
      for (std::size_t t = 0; t < kTexts; ++t) four_rounds(chains[t], group);
    for (std::size_t t = 0; t < kTexts; ++t) {
      chains[t].abef = _mm_add_epi32(chains[t].abef, before[t][0]);
      chains[t].cdgh = _mm_add_epi32(chains[t].cdgh, before[t][1]);
    }
  }
  for (std::size_t t = 0; t < kTexts; ++t) end(chains[t], states[t]);
}

bool ask_processor() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned kSha = 1U << 29;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & kSha) != 0 && __builtin_cpu_supports("avx") != 0;
}

#else

template <std::size_t kTexts>
void compress(const std::array<std::uint32_t*, kTexts>&, std::array<const std::byte*, kTexts>, std::size_t) {
  throw ContractError("this processor has no instructions for SHA-256 that we know");
}

bool ask_processor() { return false; }

#endif

}  // namespace

bool Sha256Pair::has_instructions() {
  static const bool has = ask_processor();
  return has;
}

Sha256Pair::Sha256Pair() {
  for (Stream& stream : streams_) stream.state = kInitial;
  if (!has_instructions()) openssl_.emplace();
}

// What does not go on in pairs: fills a begun block, and takes it once it is whole.
void Sha256Pair::add(Stream& stream, std::span<const std::byte>& bytes) {
  const std::size_t count = std::min(bytes.size(), kBlock - stream.waiting_bytes);
  std::copy_n(bytes.begin(), count, stream.waiting.begin() + static_cast<std::ptrdiff_t>(stream.waiting_bytes));
  bytes = bytes.subspan(count);
  stream.waiting_bytes += count;
  if (stream.waiting_bytes < kBlock) return;
  compress<1>({stream.state.data()}, {stream.waiting.data()}, 1);
  stream.waiting_bytes = 0;
}

void Sha256Pair::update(std::span<const std::byte> first, std::span<const std::byte> second) {
  if (openssl_) {
    (*openssl_)[0].update(first);
    (*openssl_)[1].update(second);
    return;
  }
  std::array<std::span<const std::byte>, 2> bytes{first, second};
  for (std::size_t i = 0; i < 2; ++i) {
    streams_[i].bytes += bytes[i].size();
    if (streams_[i].waiting_bytes > 0) add(streams_[i], bytes[i]);
  }
  const auto pass = [&](std::size_t i, std::size_t blocks) { bytes[i] = bytes[i].subspan(blocks * kBlock); };
  // A text whose begun block is not whole yet has no bytes left.
  if (const std::size_t both = std::min(bytes[0].size(), bytes[1].size()) / kBlock; both > 0) {
    compress<2>({streams_[0].state.data(), streams_[1].state.data()}, {bytes[0].data(), bytes[1].data()}, both);
    pass(0, both);
    pass(1, both);
  }
  for (std::size_t i = 0; i < 2; ++i) {
    if (const std::size_t blocks = bytes[i].size() / kBlock; blocks > 0) {
      compress<1>({streams_[i].state.data()}, {bytes[i].data()}, blocks);
      pass(i, blocks);
    }
    if (!bytes[i].empty()) add(streams_[i], bytes[i]);
  }
}

std::array<Sha256Digest, 2> Sha256Pair::finish() {
  if (openssl_) return {(*openssl_)[0].finish(), (*openssl_)[1].finish()};
  std::array<Sha256Digest, 2> digests{};
  for (std::size_t i = 0; i < 2; ++i) {
    Stream& stream = streams_[i];
    // FIPS 180-4, 5.1.1: a bit of one, zeros, and the length in bits, big-endian, at the end of a block.
    std::array<std::byte, 2 * kBlock> end{};
    end[0] = std::byte{0x80};
    const std::size_t padding = (stream.waiting_bytes < 56 ? 56 : 120) - stream.waiting_bytes;
    for (std::size_t b = 0; b < 8; ++b)
      end[padding + b] = static_cast<std::byte>(stream.bytes * 8 >> (56 - 8 * b) & 0xff);
    for (std::span<const std::byte> rest = std::span<const std::byte>(end).first(padding + 8); !rest.empty();)
      add(stream, rest);
    for (std::size_t w = 0; w < 8; ++w)
      for (std::size_t b = 0; b < 4; ++b)
        digests[i][w * 4 + b] = static_cast<std::byte>(stream.state[w] >> (24 - 8 * b) & 0xff);
  }
  return digests;
}

}  // namespace resolute::core
