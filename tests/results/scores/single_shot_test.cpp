#include "results/scores/single_shot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/support/refusal.h"

namespace resolute::results::single_shot_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Ids = std::vector<std::int64_t>;

//! Two gallery images each of identities 1, 2, 3; distances of one query of identity 1 and one of identity 2.
struct SingleShot : testing::Test {
  Ids query_ids{1, 2};
  Ids gallery_ids{1, 1, 2, 2, 3, 3};
  std::vector<float> distances{1, 5, 2, 6, 3, 7,  //
                               4, 4, 4, 1, 9, 9};
  SingleShotScores score(const std::vector<GalleryDraw>& draws, const Ids& query_cameras = {},
                         const Ids& gallery_cameras = {}) const {
    return score_single_shot(distances, {query_ids, query_cameras}, {gallery_ids, gallery_cameras}, draws, {3, {}});
  }
};

TEST_F(SingleShot, means_are_over_draws_and_queries) {
  // Draw 0: query 0 rank 1; query 1 ties with identity 1's image: rank 2. Draw 1: ranks 2 (5 against 6 and 3) and 1.
  auto scores = score({{0, 2, 4}, {1, 3, 4}});
  EXPECT_THAT(scores.cmc, ElementsAre(0.5, 1, 1));
  EXPECT_DOUBLE_EQ(scores.map_single, (1 + 0.5 + 0.5 + 1) / 4);
  EXPECT_DOUBLE_EQ(scores.chance_rank1, 1.0 / 3);
  EXPECT_EQ(scores.queries, 2U);
  EXPECT_EQ(scores.gallery_images, 6U);
  EXPECT_EQ(scores.gallery_identities, 3U);
}

TEST_F(SingleShot, each_query_is_told_apart) {
  auto scores = score({{0, 2, 4}, {1, 3, 4}, {0, 3, 5}});
  ASSERT_EQ(scores.per_query.size(), 2U);
  // Ranks 1, 2, 1 of query 0; 2, 1, 1 of query 1. Its whole gallery: matches at 1 and 5, wrong 2, 3 before the second.
  EXPECT_EQ(scores.per_query[0], (SingleShotQuery{true, 3, {2.0 / 3, 1, 1, 1}, (1 + 2.0 / 4) / 2}));
  // Matches at 1 and 4, the second behind the two images of identity 1 that are as far.
  EXPECT_EQ(scores.per_query[1], (SingleShotQuery{true, 3, {2.0 / 3, 1, 1, 1}, (1 + 2.0 / 4) / 2}));
  // Query 0 meets its own camera's image in draw 0; query 1 has no other camera's.
  auto some = score({{0, 2, 4}, {1, 3, 4}}, {9, 1}, {9, 2, 1, 1, 2, 2});
  EXPECT_EQ(some.per_query[0], (SingleShotQuery{true, 1, {0, 1, 1, 1}, 1.0 / 3}));
  EXPECT_EQ(some.per_query[1], SingleShotQuery());
  EXPECT_EQ(some.cmc[0], 0);
}

TEST_F(SingleShot, means_of_the_queries_are_the_protocols_means) {
  auto scores = score({{0, 2, 4}, {1, 3, 4}, {0, 3, 5}});
  EXPECT_DOUBLE_EQ((scores.per_query[0].cmc[0] + scores.per_query[1].cmc[0]) / 2, scores.cmc[0]);
  EXPECT_DOUBLE_EQ((scores.per_query[0].average_precision + scores.per_query[1].average_precision) / 2,
                   scores.map_full);
}

TEST_F(SingleShot, map_full_is_that_of_the_whole_gallery) {
  auto full = rank_distances(distances, {query_ids, {}}, {gallery_ids, {}}, {});
  auto scores = score({{0, 2, 4}});
  EXPECT_EQ(scores.map_full, full.map);
  EXPECT_EQ(scores.chance_map_full, full.chance_map);
}

TEST_F(SingleShot, a_pair_without_its_match_is_not_scored) {
  // Query 1's drawn image is from its own camera in draw 0; identity 2 is missing in draw 1.
  auto scores = score({{0, 2, 4}, {0, 4}}, {9, 1}, {2, 2, 1, 2, 2, 2});
  EXPECT_THAT(scores.cmc, ElementsAre(1, 1, 1));
  EXPECT_DOUBLE_EQ(scores.chance_rank1, (1.0 / 3 + 1.0 / 2) / 2);
}

TEST_F(SingleShot, without_draws_only_the_whole_gallery_scores) {
  auto scores = score({});
  EXPECT_THAT(scores.cmc, ElementsAre(0, 0, 0));
  EXPECT_GT(scores.map_full, 0);
}

TEST_F(SingleShot, broken_draws_are_refused) {
  const auto refusal = [&](const std::vector<GalleryDraw>& draws) { return tests::refusal([&] { score(draws); }); };
  EXPECT_THAT(refusal({{0}, {0, 6}}), HasSubstr("gallery draw 1 names image 6 (the gallery has 6 images)"));
  EXPECT_THAT(refusal({{0, 1}}), HasSubstr("gallery draw 0 has identity 1 twice"));
  gallery_ids[4] = -1;
  EXPECT_THAT(refusal({{0, 4}}), HasSubstr("its identity is -1, junk"));
}

}  // namespace
}  // namespace resolute::results::single_shot_test
