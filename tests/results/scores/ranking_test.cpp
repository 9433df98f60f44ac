#include "results/scores/ranking.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "core/error.h"
#include "results/scores/scores.h"
#include "tests/results/reference_gemm.h"
#include "tests/support/rank_distances.h"
#include "tests/support/refusal.h"

namespace resolute::results::ranking_test {
namespace {

using namespace testing;
using tests::refusal;

using Ids = std::vector<std::int64_t>;

RankingScores rank(const std::vector<float>& query, const Ids& query_ids, const std::vector<float>& gallery,
                   const Ids& gallery_ids, const RankingOptions& options = {}, const Gemm& gemm = reference_gemm) {
  std::size_t dimension = query_ids.empty() ? 1 : query.size() / query_ids.size();
  return rank_features({query, query_ids.size(), dimension}, {query_ids, {}},
                       FeatureMatrix{gallery, gallery_ids.size(), dimension}, {gallery_ids, {}}, {}, gemm, options);
}

TEST(Ranking, mean_precision_at_each_true_match) {
  // Order by distance from 0: right (1), wrong (2), right (3). AP = (1/1 + 2/3) / 2.
  auto scores = rank({0}, {5}, {3, 1, 2}, {5, 5, 6}, {3, {}});
  EXPECT_THAT(scores.cmc, ElementsAre(1, 1, 1));
  EXPECT_DOUBLE_EQ(scores.map, (1.0 + 2.0 / 3) / 2);
}

TEST(Ranking, collapsed_features_score_no_rank_1) {
  std::vector<float> same(8 * 4, 0.7F);
  auto scores = rank(std::vector<float>(4, 0.7F), {1}, same, {1, 2, 3, 4, 5, 6, 7, 8}, {8, {}});
  EXPECT_THAT(scores.cmc, ElementsAre(0, 0, 0, 0, 0, 0, 0, 1));
  EXPECT_DOUBLE_EQ(scores.map, 1.0 / 8);
}

TEST(Ranking, nothing_to_rank_gives_zeros) {
  auto no_gallery = rank({1, 2}, {1, 2}, {}, {});
  EXPECT_THAT(no_gallery.cmc, Each(0.0));
  EXPECT_EQ(no_gallery.cmc.size(), 20U);
  EXPECT_EQ(no_gallery.map, 0);
  EXPECT_EQ(no_gallery.queries, 0U);
  EXPECT_EQ(no_gallery.queries_without_match, 2U);
  auto no_query = rank({}, {}, {1, 2}, {1, 2});
  EXPECT_EQ(no_query.queries + no_query.queries_without_match, 0U);
}

TEST(Ranking, distractors_are_wrong_for_everyone_and_junk_for_no_one) {
  // Identity 7 at distance 1 stands before the match; junk at distance 0.5 is not there, for a query of junk neither.
  auto scores = rank({0, 0}, {4, -1}, {1, 0.5F, 2}, {7, -1, 4}, {3, {}});
  EXPECT_THAT(scores.cmc, ElementsAre(0, 1, 1));
  EXPECT_EQ(scores.queries, 1U);
  EXPECT_EQ(scores.queries_without_match, 1U);
}

// Files of others number people from 0. Of a pack, 0 is a distractor, for which no query asks.
TEST(Ranking, identity_0_is_one_as_any_other) {
  const auto from_zero = rank({0, 5}, {0, 1}, {1, 4, 6}, {0, 1, 0}, {3, {}});
  const auto from_one = rank({0, 5}, {1, 2}, {1, 4, 6}, {1, 2, 1}, {3, {}});
  EXPECT_EQ(from_zero.queries, 2U);
  EXPECT_EQ(from_zero.cmc, from_one.cmc);
  EXPECT_EQ(from_zero.map, from_one.map);
  EXPECT_EQ(from_zero.chance_map, from_one.chance_map);
}

TEST(Ranking, an_image_of_the_querys_camera_is_left_out) {
  Ids query_ids{1}, query_cameras{3}, gallery_ids{1, 2, 1}, gallery_cameras{3, 3, 4};
  std::vector<float> distances{0, 1, 2};
  auto scores = rank_distances(distances, {query_ids, query_cameras}, {gallery_ids, gallery_cameras}, {});
  EXPECT_DOUBLE_EQ(scores.map, 0.5);
  auto all = rank_distances(distances, {query_ids, {}}, {gallery_ids, {}}, {});  // no camera is known
  EXPECT_DOUBLE_EQ(all.map, (1.0 + 2.0 / 3) / 2);
}

TEST(Ranking, huge_and_tiny_features_are_decided_exactly) {
  // Products overflow float32, or vanish; the distances do not, in doubles.
  for (float scale : {3e30F, 1e-30F}) {
    auto scores = rank({1.0F * scale, 0}, {1}, {1.25F * scale, 0, 1.5F * scale, 0}, {1, 2});
    EXPECT_EQ(scores.cmc[0], 1) << scale;
    auto swapped = rank({1.0F * scale, 0}, {1}, {1.5F * scale, 0, 1.25F * scale, 0}, {1, 2});
    EXPECT_EQ(swapped.cmc[0], 0) << scale;
  }
}

TEST(Ranking, a_product_below_float32_precision_is_refused) {
  Gemm coarse = [](const GemmBlock& block) {
    reference_gemm(block);
    for (std::size_t i = 0; i < block.rows * block.columns; ++i) block.c[i] *= 1.001F;
  };
  const auto rank_coarsely = [&] { return rank({1, 1}, {1}, {1, 1, 5, 5}, {1, 2}, {}, coarse); };
  EXPECT_THAT(refusal(rank_coarsely, core::ErrorKind::kEnvironment), HasSubstr("turn off TF32"));
}

TEST(Ranking, what_cannot_be_ranked_is_refused_by_name) {
  float nan = std::numeric_limits<float>::quiet_NaN();
  float infinity = std::numeric_limits<float>::infinity();
  EXPECT_THAT(refusal([&] {
                rank({0, 0}, {1}, {0, 0, 0, nan}, {1, 2});
              }),
              HasSubstr("value 1 of gallery feature 1 is nan (distances must be finite)"));
  EXPECT_THAT(refusal([&] { rank({infinity}, {1}, {0}, {1}); }), HasSubstr("value 0 of query feature 0 is inf"));
  Ids one{1}, two{1, 2};
  std::vector<float> distances{1, nan};
  EXPECT_THAT(refusal([&] {
                rank_distances(distances, {one, {}}, {two, {}}, {});
              }),
              HasSubstr("the distance of query 0 to gallery image 1 is nan"));
  EXPECT_THAT(refusal([&] { rank_distances(distances, {two, {}}, {two, {}}, {}); }), HasSubstr("need 4"));
  EXPECT_THAT(refusal([&] {
                rank_distances(distances, {one, two}, {two, {}}, {});
              }),
              HasSubstr("the query has 1 identities and 2 cameras"));
  EXPECT_THAT(refusal([&] { rank({0}, {1}, {0}, {1}, {0, {}}); }), HasSubstr("the largest rank is 0"));
  std::vector<float> features{1, 2};
  Ids prefix{3};
  EXPECT_THAT(refusal([&] {
                rank_features({features, 1, 2}, {one, {}}, FeatureMatrix{features, 1, 2}, {one, {}}, prefix,
                              reference_gemm, {});
              }),
              HasSubstr("prefix 3 of query 0 is out of range (features have 2 dimensions)"));
  EXPECT_THAT(
      refusal([&] {
        rank_features({features, 1, 2}, {one, {}}, FeatureMatrix{features, 2, 1}, {two, {}}, {}, reference_gemm, {});
      }),
      HasSubstr("query features have 2 dimensions and gallery features 1"));
}

TEST(Ranking, expected_precision_is_the_mean_over_all_orders) {
  for (auto [matches, images] : {std::pair(1, 1), {1, 4}, {2, 5}, {3, 6}, {6, 6}}) {
    std::vector<int> order(static_cast<std::size_t>(images), 0);
    std::fill(order.end() - matches, order.end(), 1);
    double sum = 0;
    int orders = 0;
    do {
      double precision = 0;
      int hits = 0;
      for (std::size_t i = 0; i < order.size(); ++i)
        if (order[i] == 1) precision += ++hits / static_cast<double>(i + 1);
      sum += precision / matches;
      ++orders;
    } while (std::next_permutation(order.begin(), order.end()));
    const kernel::ExpectedPrecision expected(order.size() + 1);
    EXPECT_NEAR(expected(static_cast<std::size_t>(matches), order.size()), sum / orders, 1e-12);
  }
}

}  // namespace
}  // namespace resolute::results::ranking_test
