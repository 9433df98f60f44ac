//! \file
//! Which pairs a matrix product leaves to look at, against the bound itself pair by pair. That no figure depends on it:
//! tests/results/scores.

#include "results/kernel/filter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/random/random.h"

namespace resolute::results::kernel::filter_test {
namespace {

//! A query and a gallery, and what a product in float32 says of them.
struct Pairs {
  static constexpr std::size_t kDimension = 24;
  std::vector<float> query = std::vector<float>(kDimension), gallery, products;
  std::vector<Filter> filters;
  std::vector<float> centred;
  Filter::Query bounds{};

  explicit Pairs(std::size_t images) {
    core::RandomStream random("filter", {images});
    for (float& value : query) value = static_cast<float>(random.normal());
    for (std::size_t i = 0; i < images * kDimension; ++i) gallery.push_back(static_cast<float>(random.normal()));
    centred.resize(gallery.size());
    const std::size_t depth = kDimension;
    const FeatureMatrix matrix{gallery, images, kDimension};
    const std::vector<float> centre = rough_mean(matrix);
    filters = Filter::of_depths(matrix, std::span(&depth, 1), centre, centred, 2);
    std::vector<float> centred_query(kDimension);
    bounds = filter().query(centre_row(query.data(), centre, centred_query));
    for (std::size_t g = 0; g < images; ++g) {
      float product = 0;
      for (std::size_t k = 0; k < kDimension; ++k) product += centred_query[k] * centred[g * kDimension + k];
      products.push_back(product);
    }
  }
  const Filter& filter() const { return filters.front(); }
  std::vector<std::uint32_t> within(double farthest, std::size_t first = 0) const {
    const std::span<const float> some = std::span(products).subspan(first);
    std::vector<std::uint32_t> places(some.size());
    places.resize(filter().within(bounds, farthest, first, some, places));
    return places;
  }
  double least(std::size_t g) const { return filter().approximate(bounds, g, products[g]) - filter().bound(bounds, g); }
};

TEST(Filter, leaves_out_no_pair_that_may_be_near_enough_and_keeps_no_other) {
  constexpr double kRounding = 1e-9;  // bounds are some 1e-4 here
  // Around whole pieces of what is compared at a time.
  for (const std::size_t images : {1U, 31U, 32U, 33U, 64U, 100U, 257U}) {
    const Pairs pairs(images);
    for (std::size_t limit = 0; limit < images; limit += 1 + images / 9) {
      const double farthest = pairs.least(limit) + 2 * kRounding;  // one pair is just inside
      for (const std::size_t first : {std::size_t{0}, images / 3}) {
        std::vector<bool> found(images);
        const std::vector<std::uint32_t> places = pairs.within(farthest, first);
        EXPECT_TRUE(std::is_sorted(places.begin(), places.end()));
        for (const std::uint32_t place : places) found.at(first + place) = true;
        for (std::size_t g = first; g < images; ++g) {
          const double over = pairs.least(g) - farthest;
          EXPECT_TRUE(std::abs(over) <= kRounding || found[g] == (over < 0)) << images << ", " << limit << ", " << g;
        }
      }
    }
  }
}

TEST(Filter, keeps_what_it_knows_nothing_of) {
  Pairs pairs(70);
  EXPECT_EQ(pairs.within(std::numeric_limits<double>::infinity()).size(), 70U);
  EXPECT_EQ(pairs.within(-1e9).size(), 0U);
  for (const std::size_t lost : {0U, 40U, 69U}) {
    Pairs one(70);
    one.products[lost] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_EQ(one.within(-1e9), std::vector<std::uint32_t>{static_cast<std::uint32_t>(lost)});
  }
  pairs.bounds.unbounded = true;
  EXPECT_EQ(pairs.within(-1e9).size(), 70U);
}

}  // namespace
}  // namespace resolute::results::kernel::filter_test
