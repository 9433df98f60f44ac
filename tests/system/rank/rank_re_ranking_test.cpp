// `resolute rank --re-rank` and `--cosine`: other figures than of plain features, and what they cannot be asked of.

#include <gmock/gmock.h>

#include "core/random/random.h"
#include "tests/system/rank/feature_file.h"

namespace resolute::system_test::rank_re_ranking_test {
namespace {

// Crowds of six people about places of their own, some of them far from where the query was.
Problem crowds() {
  core::RandomStream random("re-rank", {3});
  Problem problem;
  problem.dimension = 3;
  const auto add = [&](Side& side, std::int64_t person, double spread, std::int64_t camera) {
    for (int k = 0; k < 3; ++k)
      side.features.push_back(
          static_cast<float>(2.0 * static_cast<double>((person >> k) & 1) + spread * random.normal()));
    side.identities.push_back(person);
    side.cameras.push_back(camera);
  };
  for (std::int64_t person = 0; person < 6; ++person) {
    for (int image = 0; image < 3; ++image) add(problem.query, person, 0.8, 1);
    for (int image = 0; image < 12; ++image) add(problem.gallery, person, 0.6, 2);
  }
  return problem;
}

class ReRank : public RankCommand {};

TEST_F(ReRank, gives_other_figures_and_says_so) {
  const FeatureFile file = crowds().as_features();
  const core::Json plain = json_of(rank(file)), again = json_of(rank(file, {"--re-rank"}));
  EXPECT_FALSE(plain.contains("re_ranking"));
  EXPECT_EQ(again.at("re_ranking"), (core::Json{{"k1", 20}, {"k2", 6}, {"lambda", 0.3}}));
  EXPECT_GT(again.at("map").get<double>(), plain.at("map").get<double>()) << "neighbours of one crowd find one another";
  EXPECT_EQ(json_of(rank(file, {"--re-rank=20,6,1"})).at("map"), plain.at("map")) << "the original distance alone";
  EXPECT_EQ(json_of(rank(file, {"--re-rank", "--threads", "1"})), again);
  EXPECT_THAT(succeeded(resolute({"rank", path_.string(), "--re-rank=9,3,0.5"})).out,
              HasSubstr("\nre-ranked with k1 9, k2 3, lambda 0.5\n"));
}

TEST_F(ReRank, takes_k1_k2_and_lambda_and_features_of_whole_length) {
  Problem problem = crowds();
  for (const char* wrong : {"", "20", "20,6", "20,6,", "a,6,0.3", "20,6,0.3,1", "20,6,x", "20, 6,0.3"})
    expect_refusal(rank(problem.as_features(), {std::string("--re-rank=") + wrong}), 2, "re-rank");
  for (const char* wrong : {"0,1,0.3", "5,6,0.3", "20,6,-1"})
    expect_refusal(rank(problem.as_features(), {std::string("--re-rank=") + wrong}), 2, "re-ranking with");
  for (const std::string option : {"--re-rank", "--cosine"}) {
    problem.prefix.clear();
    expect_refusal(rank(problem.as_distances(), {option}), 2, "'distance' is there and " + option + " is given");
    problem.prefix.assign(problem.query.rows(), 2);
    expect_refusal(rank(problem.as_features(), {option}), 2, "'query/prefix' is there and " + option + " is given");
  }
}

TEST_F(ReRank, cosine_compares_directions) {
  Problem problem = crowds();
  const core::Json figures = json_of(rank(problem.as_features(), {"--cosine"}));
  EXPECT_EQ(figures.at("distance"), "cosine");
  EXPECT_NE(figures.at("map"), json_of(rank(problem.as_features())).at("map"));
  // Powers of two change no digit.
  for (std::size_t row = 0; row < problem.gallery.rows(); ++row)
    for (std::size_t k = 0; k < 3; ++k) problem.gallery.features[row * 3 + k] *= row % 2 == 0 ? 0.25F : 16.0F;
  EXPECT_EQ(json_of(rank(problem.as_features(), {"--cosine"})), figures);
  EXPECT_THAT(succeeded(resolute({"rank", path_.string(), "--cosine"})).out, HasSubstr("\ndistance cosine\n"));
  for (std::size_t k = 0; k < 3; ++k) problem.gallery.features[2 * 3 + k] = 0;
  expect_refusal(rank(problem.as_features(), {"--cosine"}), 2, "gallery feature 2 has length 0");
}

}  // namespace
}  // namespace resolute::system_test::rank_re_ranking_test
