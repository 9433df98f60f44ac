#include "results/scores/prepared_features.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "core/random/random.h"
#include "results/scores/ranking.h"
#include "tests/support/refusal.h"

namespace resolute::results::prepared_features_test {
namespace {

using testing::HasSubstr;

std::vector<float> unit_rows(std::uint64_t seed, std::size_t rows, std::size_t dimension) {
  core::RandomStream random("prepared features", {seed, rows});
  std::vector<float> values;
  for (std::size_t i = 0; i < rows * dimension; ++i) values.push_back(static_cast<float>(random.normal()));
  make_unit_length(values, dimension, "test");
  return values;
}

FeatureMatrix matrix(const std::vector<float>& values, std::size_t dimension) {
  return {values, values.size() / dimension, dimension};
}

TEST(UnitLength, keeps_directions_and_refuses_what_has_none) {
  std::vector<float> rows{3, 4, 0, -0.5F};
  make_unit_length(rows, 2, "query");
  EXPECT_THAT(rows, testing::ElementsAre(0.6F, 0.8F, 0.0F, -1.0F));
  std::vector<float> empty{1, 0, 0, 0};
  EXPECT_THAT(tests::refusal([&] { make_unit_length(empty, 2, "query"); }), HasSubstr("query feature 1 has length 0"));
}

TEST(QueryExpansion, is_the_sum_that_its_paper_says_where_nothing_ties) {
  constexpr std::size_t kDimension = 12;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    const std::vector<float> query = unit_rows(seed, 3, kDimension), gallery = unit_rows(seed, 30, kDimension);
    const QueryExpansion options{static_cast<int>(1 + seed % 6), 0.5 * static_cast<double>(seed % 7)};
    const std::vector<float> expanded =
        expanded_queries(matrix(query, kDimension), matrix(gallery, kDimension), options, {});
    for (std::size_t q = 0; q < 3; ++q) {
      const auto at = [&](const std::vector<float>& rows, std::size_t row, std::size_t d) {
        return static_cast<double>(rows[row * kDimension + d]);
      };
      std::vector<std::pair<double, std::size_t>> cosines;
      for (std::size_t g = 0; g < 30; ++g) {
        double cosine = 0;
        for (std::size_t d = 0; d < kDimension; ++d) cosine += at(query, q, d) * at(gallery, g, d);
        cosines.emplace_back(-cosine, g);
      }
      std::sort(cosines.begin(), cosines.end());
      std::vector<double> sum(kDimension);
      double squares = 0;
      for (std::size_t d = 0; d < kDimension; ++d) {
        sum[d] = at(query, q, d);
        for (int i = 0; i < options.neighbours; ++i) {
          const auto [cosine, g] = cosines[static_cast<std::size_t>(i)];
          if (cosine < 0) sum[d] += std::pow(-cosine, options.alpha) * at(gallery, g, d);
        }
        squares += sum[d] * sum[d];
      }
      for (std::size_t d = 0; d < kDimension; ++d) EXPECT_NEAR(at(expanded, q, d), sum[d] / std::sqrt(squares), 1e-6);
    }
  }
}

TEST(QueryExpansion, keeps_its_bits_in_any_order_of_the_gallery_blocks_and_threads) {
  constexpr std::size_t kDimension = 3;
  // A few rows many times over: neighbours tie.
  const std::vector<float> kinds = unit_rows(7, 4, kDimension), query = unit_rows(8, 9, kDimension);
  core::RandomStream random("expansion order", {1});
  std::vector<float> gallery;
  for (int i = 0; i < 40; ++i) {
    const auto kind = static_cast<std::ptrdiff_t>(random.below(4) * kDimension);
    gallery.insert(gallery.end(), kinds.begin() + kind, kinds.begin() + kind + kDimension);
  }
  std::vector<float> turned;
  for (std::size_t row : random.permutation(40)) {
    const auto begin = gallery.begin() + static_cast<std::ptrdiff_t>(row * kDimension);
    turned.insert(turned.end(), begin, begin + kDimension);
  }
  const QueryExpansion options{3, 3};
  const auto once = expanded_queries(matrix(query, kDimension), matrix(gallery, kDimension), options, {});
  EXPECT_EQ(once, expanded_queries(matrix(query, kDimension), matrix(turned, kDimension), options, {2, 4, 7}));
}

TEST(QueryExpansion, of_a_gallery_that_looks_away_is_the_query_itself) {
  const std::vector<float> query{1, 0}, gallery{-1, 0, 0, 1};
  EXPECT_EQ(expanded_queries(matrix(query, 2), matrix(gallery, 2), {5, 3}, {}), query);
}

TEST(QueryExpansion, refuses_what_is_no_number_of_neighbours) {
  const std::vector<float> rows{1, 0};
  const auto refusal = [&](const QueryExpansion& options) {
    return tests::refusal([&] { expanded_queries(matrix(rows, 2), matrix(rows, 2), options, {}); });
  };
  EXPECT_THAT(refusal({0, 3}), HasSubstr("queries are expanded by 0 gallery images"));
  EXPECT_THAT(refusal({1, -1}), HasSubstr("alpha = -1"));
  EXPECT_THAT(refusal({1, std::nan("")}), HasSubstr("alpha = nan"));
}

}  // namespace
}  // namespace resolute::results::prepared_features_test
