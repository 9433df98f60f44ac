#include "core/random/random.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include <cmath>
#include <cstring>
#include <numbers>
#include <numeric>

#include "core/bytes.h"
#include "core/hash/sha256.h"

namespace resolute::core {

namespace {

constexpr std::uint64_t kMultiplier0 = 0xD2511F53U;
constexpr std::uint64_t kMultiplier1 = 0xCD9E8D57U;
constexpr std::uint32_t kWeyl0 = 0x9E3779B9U;
constexpr std::uint32_t kWeyl1 = 0xBB67AE85U;
constexpr int kRounds = 10;
constexpr std::uint64_t kDrawsPerBlock = 2;
constexpr double kUnit = 0x1.0p-53;

double to_uniform(std::uint32_t low, std::uint32_t high) {
  return static_cast<double>(((static_cast<std::uint64_t>(high) << 32) | low) >> 11) * kUnit;
}

std::uint64_t blocks_drawn(const std::array<std::uint32_t, 4>& counter) {
  return (static_cast<std::uint64_t>(counter[1]) << 32) | counter[0];
}

void pass_blocks(std::array<std::uint32_t, 4>& counter, std::uint64_t blocks) {
  blocks += blocks_drawn(counter);
  counter[0] = static_cast<std::uint32_t>(blocks);
  counter[1] = static_cast<std::uint32_t>(blocks >> 32);
}

#ifdef __x86_64__
constexpr std::size_t kWide = 8;  // blocks at a time

// philox4x32() of kWide blocks that follow one another, four to a register: each 64-bit element holds 32 bits.
__attribute__((target("avx2"))) void fill_blocks_avx2(std::array<std::uint32_t, 4> counter,
                                                      const std::array<std::uint32_t, 2>& key, double* to) {
  constexpr std::size_t kHalves = kWide / 4;
  const __m256i low_half = _mm256_set1_epi64x(0xFFFFFFFF);
  const __m256i multiplier0 = _mm256_set1_epi64x(kMultiplier0), multiplier1 = _mm256_set1_epi64x(kMultiplier1);
  __m256i c[kHalves][4];
  const std::uint64_t first = blocks_drawn(counter);
  for (std::size_t half = 0; half < kHalves; ++half) {
    const auto begin = static_cast<long long>(first + 4 * half);
    const __m256i index = _mm256_add_epi64(_mm256_set1_epi64x(begin), _mm256_set_epi64x(3, 2, 1, 0));
    c[half][0] = _mm256_and_si256(index, low_half);
    c[half][1] = _mm256_srli_epi64(index, 32);
    c[half][2] = _mm256_set1_epi64x(counter[2]);
    c[half][3] = _mm256_set1_epi64x(counter[3]);
  }
  std::uint32_t key0 = key[0], key1 = key[1];
  for (int round = 0; round < kRounds; ++round) {
    const __m256i k0 = _mm256_set1_epi64x(key0), k1 = _mm256_set1_epi64x(key1);
    for (auto& x : c) {
      const __m256i product0 = _mm256_mul_epu32(multiplier0, x[0]), product1 = _mm256_mul_epu32(multiplier1, x[2]);
      x[0] = _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(product1, 32), x[1]), k0);
      x[1] = _mm256_and_si256(product1, low_half);
      x[2] = _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(product0, 32), x[3]), k1);
      x[3] = _mm256_and_si256(product0, low_half);
    }
    key0 += kWeyl0;
    key1 += kWeyl1;
  }
  for (std::size_t half = 0; half < kHalves; ++half) {
    alignas(32) std::uint64_t words[4][4];
    for (std::size_t word = 0; word < 4; ++word)
      _mm256_store_si256(reinterpret_cast<__m256i*>(words[word]), c[half][word]);
    for (std::size_t block = 0; block < 4; ++block, to += kDrawsPerBlock) {
      to[0] = static_cast<double>(static_cast<std::int64_t>(((words[1][block] << 32) | words[0][block]) >> 11)) * kUnit;
      to[1] = static_cast<double>(static_cast<std::int64_t>(((words[3][block] << 32) | words[2][block]) >> 11)) * kUnit;
    }
  }
}
#endif

}  // namespace

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < kRounds; ++round) {
    std::uint64_t product0 = kMultiplier0 * counter[0];
    std::uint64_t product1 = kMultiplier1 * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(product0)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return counter;
}

RandomStream::RandomStream(std::string_view purpose, std::initializer_list<std::uint64_t> key) {
  // Streams are made for every image of a batch: a usual key needs no memory.
  fmt::basic_memory_buffer<std::byte, 256> text;
  const auto append_number = [&](std::uint64_t number) {
    const auto* from = reinterpret_cast<const std::byte*>(&number);
    text.append(from, from + sizeof(number));
  };
  const auto name = as_byte_span(purpose);
  append_number(purpose.size());
  text.append(name.data(), name.data() + name.size());
  for (std::uint64_t part : key) append_number(part);
  Sha256Digest digest = sha256({text.data(), text.size()});
  std::memcpy(key_.data(), digest.data(), 8);
  // Words 2 and 3 of the counter come from the digest too; words 0 and 1 count blocks.
  std::memcpy(&counter_[2], digest.data() + 8, 8);
}

std::uint64_t RandomStream::next_u64() {
  if (used_ == 4) {
    block_ = philox4x32(counter_, key_);
    if (++counter_[0] == 0) ++counter_[1];
    used_ = 0;
  }
  auto low = block_[static_cast<std::size_t>(used_)];
  auto high = block_[static_cast<std::size_t>(used_) + 1];
  used_ += 2;
  return (static_cast<std::uint64_t>(high) << 32) | low;
}

std::uint64_t RandomStream::below(std::uint64_t bound) {
  RESOLUTE_EXPECT(bound > 0, "a random integer needs a positive bound");
  std::uint64_t limit = ~std::uint64_t{0} - (~std::uint64_t{0} % bound + 1) % bound;
  std::uint64_t draw = next_u64();
  while (draw > limit) draw = next_u64();
  return draw % bound;
}

double RandomStream::uniform() { return static_cast<double>(next_u64() >> 11) * kUnit; }

void RandomStream::fill_uniform(std::span<double> to) {
  std::size_t i = 0;
  while (i < to.size() && used_ != 4) to[i++] = uniform();
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx2")) {
    for (; i + kWide * kDrawsPerBlock <= to.size(); i += kWide * kDrawsPerBlock) {
      fill_blocks_avx2(counter_, key_, &to[i]);
      pass_blocks(counter_, kWide);
    }
  }
#endif
  for (; i + kDrawsPerBlock <= to.size(); i += kDrawsPerBlock) {
    const auto block = philox4x32(counter_, key_);
    if (++counter_[0] == 0) ++counter_[1];
    to[i] = to_uniform(block[0], block[1]);
    to[i + 1] = to_uniform(block[2], block[3]);
  }
  while (i < to.size()) to[i++] = uniform();
}

void RandomStream::skip(std::uint64_t draws) {
  for (; draws > 0 && used_ != 4; --draws) next_u64();
  pass_blocks(counter_, draws / kDrawsPerBlock);
  if (draws % kDrawsPerBlock != 0) next_u64();
}

double RandomStream::uniform(double low, double high) { return low + (high - low) * uniform(); }

double RandomStream::normal() {
  double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

std::vector<std::size_t> RandomStream::permutation(std::size_t count) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  shuffle(std::span(order));
  return order;
}

}  // namespace resolute::core
