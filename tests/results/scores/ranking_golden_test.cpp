//! The 200 seeded cases of tests/golden/ranking/make_ranking_goldens.py, a brute-force twin in Python.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/files/file_system.h"
#include "core/files/json.h"
#include "results/kernel/distance.h"
#include "results/kernel/gemm_openblas.h"
#include "results/scores/galleries.h"
#include "results/scores/ranking.h"
#include "tests/results/reference_gemm.h"
#include "tests/support/folders.h"
#include "tests/support/rank_distances.h"

namespace resolute::results::ranking_golden_test {
namespace {

struct Side {
  std::vector<float> features;
  std::vector<std::int64_t> identities;
  std::vector<std::int64_t> cameras;

  Side(const core::Json& json) : identities(json["identities"]), cameras(json["cameras"]) {
    for (const auto& row : json["features"])
      for (const auto& value : row) features.push_back(value.get<float>());
  }
  FeatureMatrix matrix(std::size_t dimension) const { return {features, identities.size(), dimension}; }
  Labels labels() const { return {identities, cameras}; }
};

class RankingGolden : public testing::Test {
 protected:
  core::Json golden_ = core::parse_json(
      core::read_text(core::real_file_system(), tests::source_folder() / "tests/golden/ranking/ranking.json"),
      "golden");
  RankingOptions options_{golden_["max_rank"].get<int>(), {}};
};

void expect_scores(const RankingScores& scores, const core::Json& expected) {
  std::vector<double> cmc = expected["cmc"];
  EXPECT_THAT(scores.cmc, testing::Pointwise(testing::DoubleNear(1e-12), cmc));
  EXPECT_NEAR(scores.map, expected["map"].get<double>(), 1e-12);
  EXPECT_NEAR(scores.minp, expected["minp"].get<double>(), 1e-12);
  EXPECT_EQ(scores.queries, expected["queries"].get<std::size_t>());
  EXPECT_EQ(scores.queries_without_match, expected["queries_without_match"].get<std::size_t>());
}

TEST_F(RankingGolden, features_rank_as_by_brute_force) {
  ASSERT_EQ(golden_["cases"].size(), 200U);
  for (const Gemm& gemm : {Gemm(reference_gemm), openblas_gemm()}) {
    for (const auto& example : golden_["cases"]) {
      SCOPED_TRACE(example["seed"].dump());
      Side query(example["query"]);
      Side gallery(example["gallery"]);
      std::size_t dimension = example["dimension"];
      std::vector<std::int64_t> prefix = example["prefix"];
      expect_scores(rank_features(query.matrix(dimension), query.labels(), gallery.matrix(dimension), gallery.labels(),
                                  prefix, gemm, options_),
                    example["expected"]);
    }
  }
}

TEST_F(RankingGolden, distance_matrices_rank_as_by_brute_force) {
  for (const auto& example : golden_["cases"]) {
    // Rounding distances to float32 could make ties of real-numbered ones: only the grids, where it is exact.
    if (example["seed"].get<int>() % 5 > 2) continue;
    SCOPED_TRACE(example["seed"].dump());
    Side query(example["query"]);
    Side gallery(example["gallery"]);
    std::size_t dimension = example["dimension"];
    std::vector<std::size_t> prefix = example["prefix"];
    std::vector<float> distances;
    for (std::size_t q = 0; q < query.identities.size(); ++q)
      for (std::size_t g = 0; g < gallery.identities.size(); ++g)
        distances.push_back(static_cast<float>(kernel::squared_distance(query.features.data() + q * dimension,
                                                                        gallery.features.data() + g * dimension,
                                                                        prefix.empty() ? dimension : prefix[q])));
    expect_scores(rank_distances(distances, query.labels(), gallery.labels(), options_), example["expected"]);
  }
}

TEST_F(RankingGolden, single_shot_scores_as_by_brute_force) {
  for (const auto& example : golden_["cases"]) {
    SCOPED_TRACE(example["seed"].dump());
    Side query(example["query"]);
    Side gallery(example["gallery"]);
    std::size_t dimension = example["dimension"];
    std::vector<std::int64_t> prefix = example["prefix"];
    std::vector<GalleryDraw> draws = example["draws"];
    auto scores = score_galleries(query.matrix(dimension), query.labels(), gallery.matrix(dimension), gallery.labels(),
                                  prefix, draws, reference_gemm, options_);
    const auto& expected = example["single_shot"];
    std::vector<double> cmc = expected["cmc"];
    EXPECT_THAT(scores.cmc, testing::Pointwise(testing::DoubleNear(1e-12), cmc));
    EXPECT_NEAR(scores.map_single, expected["map_single"].get<double>(), 1e-12);
    EXPECT_NEAR(scores.chance_cmc[0], expected["chance_rank1"].get<double>(), 1e-12);
    EXPECT_NEAR(scores.map_full, example["expected"]["map"].get<double>(), 1e-12);
    EXPECT_EQ(scores.queries, example["expected"]["queries"].get<std::size_t>());
  }
}

}  // namespace
}  // namespace resolute::results::ranking_golden_test
