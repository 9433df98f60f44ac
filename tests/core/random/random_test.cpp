#include "core/random/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace resolute::core::random_test {
namespace {

// Known answers of the Random123 distribution (kat_vectors, philox4x32 10 rounds).
TEST(PhiloxTest, agrees_with_the_known_answers_of_its_authors) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}),
            (std::array<std::uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (std::array<std::uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(RandomStreamTest, is_a_function_of_its_key_alone) {
  RandomStream a("augment", {1, 2, 3});
  RandomStream b("augment", {1, 2, 3});
  RandomStream other_key("augment", {1, 2, 4});
  RandomStream other_purpose("augmen", {1, 2, 3});
  auto first = a.next_u64();
  EXPECT_EQ(first, b.next_u64());
  EXPECT_NE(first, other_key.next_u64());
  EXPECT_NE(first, other_purpose.next_u64());
}

TEST(RandomStreamTest, golden_draws_never_change) {
  RandomStream stream("golden", {7});
  EXPECT_EQ(stream.next_u64(), 17617844742497587187ULL);
  EXPECT_EQ(stream.below(1000), 775U);
}

TEST(RandomStreamTest, many_uniforms_are_those_drawn_one_by_one) {
  for (const int before : {0, 1, 2, 3}) {
    for (const std::size_t count : {0U, 1U, 2U, 5U, 64U, 65U}) {
      RandomStream bulk("bulk", {1}), single("bulk", {1});
      for (int i = 0; i < before; ++i) EXPECT_EQ(bulk.next_u64(), single.next_u64());
      std::vector<double> drawn(count);
      bulk.fill_uniform(drawn);
      for (const double value : drawn) EXPECT_EQ(value, single.uniform());
      EXPECT_EQ(bulk.next_u64(), single.next_u64()) << "the streams stand at different draws";
    }
  }
}

TEST(RandomStreamTest, skipping_is_drawing_and_dropping) {
  for (const int before : {0, 1, 2}) {
    for (const std::uint64_t skipped : {0U, 1U, 2U, 7U, 1000U}) {
      RandomStream skips("skip", {1}), draws("skip", {1});
      for (int i = 0; i < before; ++i) EXPECT_EQ(skips.next_u64(), draws.next_u64());
      skips.skip(skipped);
      for (std::uint64_t i = 0; i < skipped; ++i) draws.next_u64();
      EXPECT_EQ(skips.next_u64(), draws.next_u64());
      EXPECT_EQ(skips.next_u64(), draws.next_u64());
    }
  }
}

TEST(RandomStreamTest, integers_fill_their_range_evenly) {
  RandomStream stream("below", {0});
  std::array<int, 7> counts{};
  for (int i = 0; i < 70000; ++i) ++counts[stream.below(7)];
  for (int count : counts) EXPECT_NEAR(count, 10000, 400);
}

TEST(RandomStreamTest, normal_has_mean_zero_and_variance_one) {
  RandomStream stream("normal", {0});
  double sum = 0;
  double squares = 0;
  for (int i = 0; i < 100000; ++i) {
    double x = stream.normal();
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(sum / 100000, 0.0, 0.02);
  EXPECT_NEAR(squares / 100000, 1.0, 0.02);
}

TEST(RandomStreamTest, permutation_holds_each_index_once) {
  auto order = RandomStream("order", {3}).permutation(100);
  auto sorted = order;
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::size_t> all(100);
  std::iota(all.begin(), all.end(), std::size_t{0});
  EXPECT_EQ(sorted, all);
  EXPECT_NE(order, all);
}

}  // namespace
}  // namespace resolute::core::random_test
