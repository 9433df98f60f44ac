#include "results/scores/galleries.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/random/random.h"
#include "results/scores/prepared_features.h"
#include "tests/results/reference_gemm.h"
#include "tests/support/equal.h"
#include "tests/support/rank_distances.h"
#include "tests/support/refusal.h"

namespace resolute::results::galleries_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Ids = std::vector<std::int64_t>;

//! Two gallery images each of identities 1, 2, 3; distances of one query of identity 1 and one of identity 2.
struct DrawnGalleries : testing::Test {
  Ids query_ids{1, 2};
  Ids gallery_ids{1, 1, 2, 2, 3, 3};
  std::vector<float> distances{1, 5, 2, 6, 3, 7,  //
                               4, 4, 4, 1, 9, 9};
  GalleryScores score(const std::vector<GalleryDraw>& draws, const Ids& query_cameras = {},
                      const Ids& gallery_cameras = {}) const {
    return score_galleries(distances, {query_ids, query_cameras}, {gallery_ids, gallery_cameras}, draws, {3, {}});
  }
};

TEST_F(DrawnGalleries, means_are_over_draws_and_queries) {
  // Draw 0: query 0 rank 1; query 1 ties with identity 1's image: rank 2. Draw 1: ranks 2 (5 against 6 and 3) and 1.
  auto scores = score({{0, 2, 4}, {1, 3, 4}});
  EXPECT_THAT(scores.cmc, ElementsAre(0.5, 1, 1));
  EXPECT_DOUBLE_EQ(scores.map_single, (1 + 0.5 + 0.5 + 1) / 4);
  EXPECT_DOUBLE_EQ(scores.chance_cmc[0], 1.0 / 3);
  EXPECT_EQ(scores.queries, 2U);
  EXPECT_EQ(scores.gallery_images, 6U);
  EXPECT_EQ(scores.gallery_identities, 3U);
}

TEST_F(DrawnGalleries, each_query_is_told_apart) {
  auto scores = score({{0, 2, 4}, {1, 3, 4}, {0, 3, 5}});
  ASSERT_EQ(scores.per_query.size(), 2U);
  // Ranks 1, 2, 1 of query 0; 2, 1, 1 of query 1. Its whole gallery: matches at 1 and 5, wrong 2, 3 before the second.
  EXPECT_EQ(scores.per_query[0], (GalleryQuery{{1, (1 + 2.0 / 4) / 2, 2.0 / 4}, 3, {2.0 / 3, 1, 1, 1}}));
  // Matches at 1 and 4, the second behind the two images of identity 1 that are as far.
  EXPECT_EQ(scores.per_query[1], (GalleryQuery{{1, (1 + 2.0 / 4) / 2, 2.0 / 4}, 3, {2.0 / 3, 1, 1, 1}}));
  // Query 0 meets its own camera's image in draw 0; query 1 has no other camera's.
  auto some = score({{0, 2, 4}, {1, 3, 4}}, {9, 1}, {9, 2, 1, 1, 2, 2});
  EXPECT_EQ(some.per_query[0], (GalleryQuery{{3, 1.0 / 3, 1.0 / 3}, 1, {0, 1, 1, 1}}));
  EXPECT_EQ(some.per_query[1], GalleryQuery());
  EXPECT_EQ(some.cmc[0], 0);
}

TEST_F(DrawnGalleries, means_of_the_queries_are_the_protocols_means) {
  auto scores = score({{0, 2, 4}, {1, 3, 4}, {0, 3, 5}});
  EXPECT_DOUBLE_EQ((scores.per_query[0].cmc[0] + scores.per_query[1].cmc[0]) / 2, scores.cmc[0]);
  EXPECT_DOUBLE_EQ((scores.per_query[0].full.average_precision + scores.per_query[1].full.average_precision) / 2,
                   scores.map_full);
}

TEST_F(DrawnGalleries, map_full_is_that_of_the_whole_gallery) {
  auto full = rank_distances(distances, {query_ids, {}}, {gallery_ids, {}}, {});
  auto scores = score({{0, 2, 4}});
  EXPECT_EQ(scores.map_full, full.map);
  EXPECT_EQ(scores.chance_map_full, full.chance_map);
}

TEST_F(DrawnGalleries, a_pair_without_its_match_is_not_scored) {
  // Query 1's drawn image is from its own camera in draw 0; identity 2 is missing in draw 1.
  auto scores = score({{0, 2, 4}, {0, 4}}, {9, 1}, {2, 2, 1, 2, 2, 2});
  EXPECT_THAT(scores.cmc, ElementsAre(1, 1, 1));
  EXPECT_DOUBLE_EQ(scores.chance_cmc[0], (1.0 / 3 + 1.0 / 2) / 2);
  EXPECT_DOUBLE_EQ(scores.chance_cmc[1], 1) << "five of three images";
}

TEST_F(DrawnGalleries, without_draws_only_the_whole_gallery_scores) {
  auto scores = score({});
  EXPECT_THAT(scores.cmc, ElementsAre(0, 0, 0));
  EXPECT_GT(scores.map_full, 0);
}

TEST_F(DrawnGalleries, broken_draws_are_refused) {
  const auto refusal = [&](const std::vector<GalleryDraw>& draws) { return tests::refusal([&] { score(draws); }); };
  EXPECT_THAT(refusal({{0}, {0, 6}}), HasSubstr("gallery draw 1 names image 6 (the gallery has 6 images)"));
  EXPECT_THAT(refusal({{0, 2, 0}}), HasSubstr("gallery draw 0 has image 0 twice"));
  gallery_ids[4] = -1;
  EXPECT_THAT(refusal({{0, 4}}), HasSubstr("its identity is -1, junk"));
}

//! Some images of each of 6 identities, 0 being an ordinary one and -1 junk; coarse features, so that many are equally
//! far; drawn galleries with none to three images of each.
struct Problem {
  explicit Problem(std::uint64_t seed) {
    core::RandomStream random("galleries", {seed});
    const auto fill = [&](Ids& identities, Ids& cameras, std::vector<float>& features, std::size_t rows) {
      for (std::size_t i = 0; i < rows; ++i) {
        identities.push_back(static_cast<std::int64_t>(random.below(7)) - 1);
        cameras.push_back(static_cast<std::int64_t>(random.below(3)));
        for (std::size_t d = 0; d < kDimension; ++d) features.push_back(static_cast<float>(random.below(4)) - 1.5F);
      }
    };
    fill(query_ids, query_cameras, query, 1 + random.below(8));
    fill(gallery_ids, gallery_cameras, gallery, 1 + random.below(40));
    for (int d = 0; d < 3; ++d) {
      GalleryDraw draw;
      for (std::size_t g = 0; g < gallery_ids.size(); ++g)
        if (gallery_ids[g] != -1 && random.below(3) == 0) draw.push_back(g);
      draws.push_back(draw);
    }
  }
  FeatureMatrix queries() const { return {query, query_ids.size(), kDimension}; }
  FeatureMatrix images() const { return {gallery, gallery_ids.size(), kDimension}; }
  Labels query_labels() const { return {query_ids, query_cameras}; }
  Labels gallery_labels() const { return {gallery_ids, gallery_cameras}; }
  GalleryScores score(const Galleries& galleries) const {
    return score_galleries(queries(), query_labels(), images(), gallery_labels(), {}, galleries, reference_gemm, {});
  }

  static constexpr std::size_t kDimension = 3;
  Ids query_ids, query_cameras, gallery_ids, gallery_cameras;
  std::vector<float> query, gallery;
  std::vector<GalleryDraw> draws;
};

//! A gallery by itself: its images copied out and ranked as if there were no others.
RankingScores rank_alone(const Problem& problem, const GalleryDraw& draw) {
  Ids identities, cameras;
  std::vector<float> features;
  for (std::size_t g : draw) {
    identities.push_back(problem.gallery_ids[g]);
    cameras.push_back(problem.gallery_cameras[g]);
    for (std::size_t d = 0; d < Problem::kDimension; ++d)
      features.push_back(problem.gallery[g * Problem::kDimension + d]);
  }
  return rank_features(problem.queries(), problem.query_labels(),
                       FeatureMatrix{features, draw.size(), Problem::kDimension}, {identities, cameras}, {},
                       reference_gemm, {});
}

TEST(Galleries, of_several_images_an_identity_score_as_each_gallery_does_alone) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    const Problem problem(seed);
    const GalleryScores scores = problem.score(problem.draws);
    double pairs = 0, firsts = 0, reciprocals = 0;
    for (const GalleryDraw& draw : problem.draws)
      for (const RankedQuery& query : rank_alone(problem, draw).per_query) {
        if (query.rank == 0) continue;
        ++pairs;
        firsts += query.rank == 1 ? 1 : 0;
        reciprocals += 1 / static_cast<double>(query.rank);
      }
    EXPECT_DOUBLE_EQ(scores.cmc[0], pairs == 0 ? 0 : firsts / pairs);
    EXPECT_NEAR(scores.map_single, pairs == 0 ? 0 : reciprocals / pairs, 1e-12);
  }
}

TEST(Galleries, asked_one_by_one_give_the_bits_of_the_whole_gallerys_positions) {
  const DistancesWithin distances = [](const FeatureMatrix& query, const FeatureMatrix& gallery) {
    return euclidean_rows(query, gallery);
  };
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    const Problem problem(seed);
    for (const Galleries& galleries : {Galleries(problem.draws), Galleries(WholeGallery())}) {
      const GalleryScores one_by_one = score_galleries(problem.queries(), problem.query_labels(), problem.images(),
                                                       problem.gallery_labels(), galleries, distances, {});
      const GalleryScores together = problem.score(galleries);
      EXPECT_EQ(one_by_one.cmc, together.cmc);
      EXPECT_EQ(one_by_one.chance_cmc, together.chance_cmc);
      EXPECT_EQ(one_by_one.map_single, together.map_single);
      EXPECT_EQ(one_by_one.map_full, together.map_full);
      EXPECT_EQ(one_by_one.minp_full, together.minp_full);
      EXPECT_EQ(one_by_one.per_query, together.per_query);
    }
  }
}

TEST(Galleries, the_whole_one_is_ranked_as_a_data_sets_usual_test) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SCOPED_TRACE(seed);
    const Problem problem(seed);
    const GalleryScores scores = problem.score(WholeGallery());
    const RankingScores usual = rank_features(problem.queries(), problem.query_labels(), problem.images(),
                                              problem.gallery_labels(), {}, reference_gemm, {});
    EXPECT_EQ(scores.cmc, usual.cmc);
    EXPECT_EQ(scores.map_full, usual.map);
    EXPECT_EQ(scores.minp_full, usual.minp);
    for (std::size_t q = 0; q < usual.per_query.size(); ++q) {
      const bool first = usual.per_query[q].rank == 1;
      EXPECT_EQ(scores.per_query[q].full, usual.per_query[q]);
      EXPECT_EQ(scores.per_query[q].galleries, usual.per_query[q].rank == 0 ? 0U : 1U);
      EXPECT_EQ(scores.per_query[q].cmc[0], first ? 1 : 0);
    }
  }
}

TEST(Galleries, chance_is_what_random_orders_score) {
  // Two of five images are right: by hand 2/5 at rank 1, 1 within rank 5.
  const std::vector<float> distances{1, 2, 3, 4, 5};
  const Ids query{1}, gallery{1, 1, 2, 3, 4};
  const GalleryScores scores = score_galleries(distances, {query, {}}, {gallery, {}}, WholeGallery(), {});
  EXPECT_THAT(scores.chance_cmc, ElementsAre(2.0 / 5, 1, 1, 1));
  // Of twelve, two right: within rank 5 unless the five are among the ten wrong: 1 - (10·9·8·7·6) / (12·11·10·9·8).
  const Ids many{1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2};
  const std::vector<float> far(12, 1);
  const GalleryScores of_many = score_galleries(far, {query, {}}, {many, {}}, WholeGallery(), {});
  EXPECT_NEAR(of_many.chance_cmc[1], 1 - 7.0 * 6 / (12 * 11), 1e-12);
}

}  // namespace
}  // namespace resolute::results::galleries_test
