#include "core/random.h"

#include <cmath>
#include <cstring>
#include <numbers>
#include <numeric>

#include "core/bytes.h"
#include "core/sha256.h"

namespace resolute::core {

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  constexpr std::uint64_t kMultiplier0 = 0xD2511F53U;
  constexpr std::uint64_t kMultiplier1 = 0xCD9E8D57U;
  constexpr std::uint32_t kWeyl0 = 0x9E3779B9U;
  constexpr std::uint32_t kWeyl1 = 0xBB67AE85U;
  for (int round = 0; round < 10; ++round) {
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
  Bytes text;
  append_little_endian(text, static_cast<std::uint64_t>(purpose.size()));
  append_bytes(text, as_byte_span(purpose));
  for (std::uint64_t part : key) append_little_endian(text, part);
  Sha256Digest digest = sha256(text);
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

double RandomStream::uniform() { return static_cast<double>(next_u64() >> 11) * 0x1.0p-53; }

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
