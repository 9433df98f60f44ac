// Two hashes fed together are those that OpenSSL gives of each text, however the pieces are cut.
#include "core/sha256_pair.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "core/bytes.h"

namespace resolute::core::sha256_pair_test {
namespace {

Bytes text_of(std::size_t bytes, std::uint32_t seed) {
  Bytes text(bytes);
  for (auto& byte : text) byte = static_cast<std::byte>((seed = seed * 1664525u + 1013904223u) >> 24);
  return text;
}

TEST(Sha256Pair, of_every_length_up_to_some_blocks) {
  const Bytes text = text_of(400, 1);
  for (std::size_t bytes = 0; bytes < text.size(); ++bytes) {
    const auto first = std::span(text).first(bytes), second = std::span(text).last(text.size() - bytes);
    Sha256Pair hash;
    hash.update(first, second);
    const auto digests = hash.finish();
    EXPECT_EQ(sha256(first), digests[0]) << bytes;
    EXPECT_EQ(sha256(second), digests[1]) << bytes;
  }
}

TEST(Sha256Pair, of_nothing) {
  const auto digests = Sha256Pair().finish();
  EXPECT_EQ("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", to_hex(digests[0]));
  EXPECT_EQ(digests[0], digests[1]);
}

RC_GTEST_PROP(Sha256Pair, however_the_pieces_are_cut, ()) {
  const auto lengths = *rc::gen::pair(rc::gen::inRange<std::size_t>(0, 5000), rc::gen::inRange<std::size_t>(0, 5000));
  const Bytes first = text_of(lengths.first, *rc::gen::arbitrary<std::uint32_t>());
  const Bytes second = text_of(lengths.second, *rc::gen::arbitrary<std::uint32_t>());
  std::span<const std::byte> left_first(first), left_second(second);
  const auto take = [](std::span<const std::byte>& left) {
    const auto piece = left.first(std::min(left.size(), *rc::gen::inRange<std::size_t>(0, 300)));
    left = left.subspan(piece.size());
    return piece;
  };
  Sha256Pair hash;
  while (!left_first.empty() || !left_second.empty()) {
    const auto piece = take(left_first);
    hash.update(piece, take(left_second));
  }
  const auto digests = hash.finish();
  RC_ASSERT(digests[0] == sha256(first));
  RC_ASSERT(digests[1] == sha256(second));
}

}  // namespace
}  // namespace resolute::core::sha256_pair_test
