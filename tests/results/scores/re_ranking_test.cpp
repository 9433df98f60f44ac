//! Re-ranking against the authors' algorithm over whole matrices (tests/golden/re_ranking), and what that leaves to
//! chance.

#include "results/scores/re_ranking.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/files/file_system.h"
#include "core/files/json.h"
#include "core/random/random.h"
#include "results/scores/ranking.h"
#include "tests/results/reference_gemm.h"
#include "tests/support/folders.h"
#include "tests/support/rank_distances.h"
#include "tests/support/refusal.h"

namespace resolute::results::re_ranking_test {
namespace {

struct Problem {
  std::size_t dimension = 0;
  std::vector<float> query, gallery;

  FeatureMatrix matrix(const std::vector<float>& values) const {
    return {values, values.size() / dimension, dimension};
  }
  std::vector<double> distances(const ReRanking& options, const WorkOptions& work = {}) const {
    // To true matches they are exact, and all are.
    const std::vector<std::int64_t> asked(matrix(query).rows, 1), shown(matrix(gallery).rows, 1);
    std::vector<double> all(asked.size() * shown.size());
    re_ranked_rows(matrix(query), matrix(gallery), options, reference_gemm, work)(
        0, asked.size(), Matching({asked, {}}, {shown, {}}), all);
    return all;
  }
};

std::vector<float> rows_in(const std::vector<float>& rows, const std::vector<std::size_t>& order,
                           std::size_t dimension) {
  std::vector<float> to;
  for (std::size_t row : order)
    to.insert(to.end(), rows.begin() + static_cast<std::ptrdiff_t>(row * dimension),
              rows.begin() + static_cast<std::ptrdiff_t>((row + 1) * dimension));
  return to;
}

// Images on a grid of few values, so that many are equal and many are equally far.
Problem with_ties(std::uint64_t seed, std::size_t queries = 12, std::size_t images = 70) {
  core::RandomStream random("re-ranking", {seed});
  Problem problem{2, {}, {}};
  for (std::size_t i = 0; i < (queries + images) * problem.dimension; ++i)
    (i < queries * problem.dimension ? problem.query : problem.gallery)
        .push_back(static_cast<float>(random.below(5)) + 0.25F * static_cast<float>(random.below(2)));
  return problem;
}

TEST(ReRanking, is_that_of_the_authors_where_nothing_ties) {
  const auto path = tests::source_folder() / "tests/golden/re_ranking/re_ranking.json";
  const core::Json golden = core::parse_json(core::read_text(core::real_file_system(), path), "re_ranking.json");
  ASSERT_EQ(golden.at("cases").size(), 7U);
  for (const core::Json& example : golden.at("cases")) {
    const Problem problem{example.at("dimension"), example.at("query"), example.at("gallery")};
    const ReRanking options{example.at("k1"), example.at("k2"), example.at("lambda")};
    const std::vector<double> expected = example.at("distances");
    SCOPED_TRACE(options.k1);
    EXPECT_THAT(problem.distances(options), testing::Pointwise(testing::DoubleNear(1e-12), expected));
  }
}

TEST(ReRanking, orders_threads_and_ties_change_no_bit) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE(seed);
    const Problem problem = with_ties(seed);
    const ReRanking options{static_cast<int>(3 * seed), static_cast<int>(1 + seed / 2), 0.3};
    const std::vector<double> distances = problem.distances(options);
    EXPECT_EQ(problem.distances(options, {.threads = 4, .query_block = 5, .gallery_block = 33}), distances);
    core::RandomStream random("re-ranking order", {seed});
    const std::size_t queries = problem.query.size() / 2, images = problem.gallery.size() / 2;
    const auto query_order = random.permutation(queries), gallery_order = random.permutation(images);
    const Problem shuffled{2, rows_in(problem.query, query_order, 2), rows_in(problem.gallery, gallery_order, 2)};
    const std::vector<double> found = shuffled.distances(options);
    for (std::size_t q = 0; q < queries; ++q)
      for (std::size_t g = 0; g < images; ++g)
        ASSERT_EQ(found[q * images + g], distances[query_order[q] * images + gallery_order[g]]) << q << " " << g;
  }
}

// Of wrong images the distance is as exact as their order among the true matches asks.
TEST(ReRanking, scores_are_those_of_all_exact_distances) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    Problem problem = with_ties(seed, 40, 300);
    core::RandomStream random("re-ranking scores", {seed});
    if (seed % 2 == 0)
      for (std::vector<float>* side : {&problem.query, &problem.gallery})
        for (float& value : *side) value += static_cast<float>(1e-5 * random.normal());
    std::vector<std::int64_t> asked, shown;
    for (std::size_t q = 0; q < 40; ++q) asked.push_back(1 + static_cast<std::int64_t>(random.below(9)));
    for (std::size_t g = 0; g < 300; ++g) shown.push_back(static_cast<std::int64_t>(random.below(9)) - 1);
    const ReRanking options{.lambda = 0.1 * static_cast<double>(seed)};
    const auto rows = re_ranked_rows(problem.matrix(problem.query), problem.matrix(problem.gallery), options,
                                     reference_gemm, {.threads = 2});
    const RankingScores found = rank_distances(rows, {asked, {}}, {shown, {}}, {});
    const std::vector<double> exact = problem.distances(options);
    const RankingScores expected = rank_distances(std::span(exact), {asked, {}}, {shown, {}}, {});
    EXPECT_EQ(found.cmc, expected.cmc);
    EXPECT_EQ(found.map, expected.map);
    EXPECT_EQ(found.minp, expected.minp);
  }
}

// Equal images have equal neighbours: to tell them apart would be the work of an order.
TEST(ReRanking, equal_images_are_equally_far) {
  Problem problem = with_ties(9);
  for (std::size_t k = 0; k < 2; ++k) problem.gallery[2 * 5 + k] = problem.gallery[2 * 40 + k];
  const std::vector<double> distances = problem.distances({6, 3, 0.3});
  for (std::size_t q = 0; q < 12; ++q) EXPECT_EQ(distances[q * 70 + 5], distances[q * 70 + 40]);
}

TEST(ReRanking, of_share_1_is_the_original_distance_and_all_lie_within_0_and_1) {
  const Problem problem = with_ties(3);
  const std::vector<double> original = problem.distances({5, 2, 1}), jaccard = problem.distances({5, 2, 0});
  for (std::size_t q = 0; q < 12; ++q) {
    double largest = 0;
    const auto square = [&](const std::vector<float>& rows, std::size_t row) {
      double sum = 0;
      for (std::size_t k = 0; k < 2; ++k) sum += std::pow(problem.query[2 * q + k] - rows[2 * row + k], 2);
      return sum;
    };
    for (std::size_t other = 0; other < 12; ++other) largest = std::max(largest, square(problem.query, other));
    for (std::size_t g = 0; g < 70; ++g) largest = std::max(largest, square(problem.gallery, g));
    for (std::size_t g = 0; g < 70; ++g) {
      EXPECT_NEAR(original[q * 70 + g], square(problem.gallery, g) / largest, 1e-12);
      EXPECT_GE(jaccard[q * 70 + g], 0);
      EXPECT_LE(jaccard[q * 70 + g], 1);
    }
  }
}

TEST(ReRanking, few_images_none_and_equal_ones_have_distances) {
  const Problem one{2, {1, 2}, {1, 2}};
  EXPECT_THAT(one.distances({}), testing::ElementsAre(0));
  EXPECT_TRUE((Problem{2, {}, {1, 2}}.distances({}).empty()));
  EXPECT_TRUE((Problem{2, {1, 2}, {}}.distances({}).empty()));
}

TEST(ReRanking, features_without_an_identity_each_are_refused) {
  const Problem problem = with_ties(1);
  const auto rows =
      re_ranked_rows(problem.matrix(problem.query), problem.matrix(problem.gallery), {}, reference_gemm, {});
  const auto none = re_ranked_rows({{}, 0, 2}, problem.matrix(problem.gallery), {}, reference_gemm, {});
  const std::vector<std::int64_t> twelve(12, 1), thousand(1000, 1), seventy(70, 1), six(6, 1);
  const auto refused = [](const kernel::DistanceRows& by, const std::vector<std::int64_t>& asked,
                          const std::vector<std::int64_t>& shown) {
    return tests::refusal([&] { rank_distances(by, {asked, {}}, {shown, {}}, {}); });
  };
  EXPECT_THAT(refused(rows, thousand, seventy), testing::HasSubstr("the query has 12 features and 1000 identities"));
  EXPECT_THAT(refused(rows, six, seventy), testing::HasSubstr("the query has 12 features and 6 identities"));
  EXPECT_THAT(refused(rows, twelve, thousand), testing::HasSubstr("the gallery has 70 features and 1000 identities"));
  EXPECT_THAT(refused(none, twelve, seventy), testing::HasSubstr("the query has 0 features and 12 identities"));
  const FeatureMatrix flat{{}, 12, 0};
  EXPECT_THAT(tests::refusal([&] { re_ranked_rows(flat, flat, {}, reference_gemm, {}); }),
              testing::HasSubstr("no dimension"));
}

TEST(ReRanking, what_tells_nothing_is_refused) {
  const auto refused = [](const Problem& problem, const ReRanking& options) {
    return tests::refusal([&] { problem.distances(options); });
  };
  const Problem good = with_ties(1);
  EXPECT_THAT(refused(good, {0, 1, 0.3}), testing::HasSubstr("k1 = 0"));
  EXPECT_THAT(refused(good, {5, 6, 0.3}), testing::HasSubstr("k2 = 6"));
  EXPECT_THAT(refused(good, {5, 0, 0.3}), testing::HasSubstr("k2 = 0"));
  EXPECT_THAT(refused(good, {5, 2, 1.5}), testing::HasSubstr("lambda = 1.5"));
  EXPECT_THAT(refused(good, {5, 2, std::nan("")}), testing::HasSubstr("lambda = nan"));
  Problem bad = good;
  bad.gallery[7] = std::numeric_limits<float>::infinity();
  EXPECT_THAT(refused(bad, {}), testing::HasSubstr("must be finite"));
  EXPECT_THAT(refused({1, {0}, std::vector<float>(2000, 1.0F)}, {}), testing::HasSubstr("features that are equal"));
  EXPECT_THAT(tests::refusal([&] {
                re_ranked_rows({good.query, 12, 2}, {good.gallery, 35, 4}, {}, reference_gemm, {});
              }),
              testing::HasSubstr("2 dimensions and gallery features 4"));
}

}  // namespace
}  // namespace resolute::results::re_ranking_test
