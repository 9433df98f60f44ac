//! \file
//! Neighbourhoods by a filter against those by all exact distances.

#include "results/kernel/neighbours.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <utility>

#include "core/random/random.h"
#include "results/kernel/distance.h"
#include "tests/results/reference_gemm.h"
#include "tests/support/refusal.h"

namespace resolute::results::kernel::neighbours_test {
namespace {

constexpr std::size_t kDimension = 6;

struct Images {
  std::vector<float> query, gallery;
  BothSides sides() const {
    return {{query, query.size() / kDimension, kDimension}, {gallery, gallery.size() / kDimension, kDimension}};
  }
  std::vector<Neighbourhood> found(std::size_t count, int threads = 1) const {
    const Gemm gemm = reference_gemm;
    return neighbourhoods(Pairs(sides(), gemm, threads), count, threads);
  }
};

// More than a block of the search. \param draw a feature's value
Images images(std::uint64_t seed, std::size_t queries, std::size_t gallery, const auto& draw) {
  core::RandomStream random("neighbours", {seed});
  Images made;
  for (std::size_t i = 0; i < (queries + gallery) * kDimension; ++i)
    (i < queries * kDimension ? made.query : made.gallery).push_back(draw(random));
  return made;
}

void expect_exact(const Images& images, std::size_t count, int threads) {
  const BothSides sides = images.sides();
  const std::vector<Neighbourhood> found = images.found(count, threads);
  ASSERT_EQ(found.size(), sides.images());
  for (std::size_t i = 0; i < sides.images(); ++i) {
    std::vector<Neighbour> all;
    for (std::size_t j = 0; j < sides.images(); ++j)
      all.push_back({squared_distance(sides.row(i), sides.row(j), kDimension), static_cast<std::uint32_t>(j)});
    std::sort(all.begin(), all.end());
    ASSERT_EQ(found[i].farthest, all.back().distance) << i;
    const double last = all[std::min(count, all.size()) - 1].distance;
    std::erase_if(all, [&](const Neighbour& each) { return each.distance > last; });
    ASSERT_EQ(found[i].nearest, all) << i;
  }
}

TEST(Neighbours, are_those_of_all_exact_distances) {
  const auto normal = [](core::RandomStream& random) { return static_cast<float>(random.normal()); };
  expect_exact(images(1, 300, 700, normal), 21, 3);
  for (const auto& [queries, gallery] : {std::pair(768U, 1U), {1U, 768U}, {5U, 3U}, {1U, 1U}})
    expect_exact(images(2, queries, gallery, normal), 4, 1);
}

TEST(Neighbours, that_tie_all_count) {
  const auto grid = [](core::RandomStream& random) { return static_cast<float>(random.below(3)); };
  expect_exact(images(1, 100, 900, grid), 7, 2);
}

// Products in float32 tell none of them from another.
TEST(Neighbours, are_exact_where_products_tell_nothing) {
  const auto nearly_equal = [](core::RandomStream& random) {
    return 1.0F + 1e-6F * static_cast<float>(random.below(9));
  };
  expect_exact(images(2, 100, 800, nearly_equal), 5, 2);
  const auto far_apart = [](core::RandomStream& random) { return random.below(2) == 0 ? 1e-3F : 1e4F; };
  expect_exact(images(3, 100, 800, far_apart), 40, 1);
  const auto beyond_products = [](core::RandomStream& random) { return 3e37F * static_cast<float>(random.normal()); };
  expect_exact(images(4, 60, 800, beyond_products), 5, 1);
}

TEST(Neighbours, by_a_product_that_is_off_are_refused) {
  const Gemm coarse = [](const GemmBlock& block) {
    reference_gemm(block);
    for (std::size_t r = 0; r < block.rows; ++r)
      for (std::size_t c = 0; c < block.columns; ++c) block.c[r * block.c_stride + c] *= 1.01F;
  };
  const auto normal = [](core::RandomStream& random) { return static_cast<float>(random.normal()); };
  const Images some = images(7, 10, 30, normal);
  EXPECT_THAT(
      tests::refusal([&] { neighbourhoods(Pairs(some.sides(), coarse, 1), 3, 1); }, core::ErrorKind::kEnvironment),
      testing::HasSubstr("turn off TF32"));
}

TEST(Neighbours, by_the_thousand_are_refused_by_the_first_image_that_has_them) {
  Images equal = images(5, 3, 1200, [](core::RandomStream&) { return 0.5F; });
  EXPECT_THAT(tests::refusal([&] { equal.found(4, 2); }),
              testing::AllOf(testing::HasSubstr("as near to query 0 as its neighbour 3"),
                             testing::HasSubstr("features that are equal")));
  const auto normal = [](core::RandomStream& random) { return static_cast<float>(random.normal()); };
  equal.query = images(6, 3, 0, normal).query;
  EXPECT_THAT(tests::refusal([&] { equal.found(4, 2); }), testing::HasSubstr("more than 1000 images"));
  equal.gallery.resize(1000 * kDimension);
  EXPECT_EQ(equal.found(4).back().nearest.size(), 1000U) << "as many as that may tie";
}

}  // namespace
}  // namespace resolute::results::kernel::neighbours_test
