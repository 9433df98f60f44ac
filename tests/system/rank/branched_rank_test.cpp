// Distances over several branches as a file for `resolute rank`: it says what the same distances score in the program
// that made them, and what their features do.

#include "core/files/json.h"
#include "core/random/random.h"
#include "results/scores/branched_distance.h"
#include "tests/support/rank_distances.h"
#include "tests/system/rank/feature_file.h"

namespace resolute::system_test::branched_rank_test {
namespace {

constexpr std::size_t kDimension = 24;

//! Features of people, whole numbers so that float32 keeps their distances' order and makes no tie.
Problem people(std::uint64_t seed, std::size_t queries, std::size_t images) {
  core::RandomStream random("branched-rank", {seed});
  std::vector<float> centres(20 * kDimension);
  for (float& value : centres) value = static_cast<float>(random.below(13));
  Problem problem;
  problem.dimension = kDimension;
  const auto fill = [&](Side& side, std::size_t rows) {
    for (std::size_t i = 0; i < rows; ++i) {
      const std::size_t identity = random.below(20);
      for (std::size_t k = 0; k < kDimension; ++k)
        side.features.push_back(centres[identity * kDimension + k] + static_cast<float>(random.below(19)));
      side.identities.push_back(static_cast<std::int64_t>(identity) - 1);
      side.cameras.push_back(static_cast<std::int64_t>(random.below(3)));
    }
  };
  fill(problem.query, queries);
  fill(problem.gallery, images);
  return problem;
}

std::vector<float> random_weights(std::uint64_t seed, std::size_t rows) {
  core::RandomStream random("branched-rank-weights", {seed});
  std::vector<float> weights(rows);
  for (float& weight : weights) weight = static_cast<float>(random.uniform(1e-3, 1));
  return weights;
}

results::DistanceBranch branch_of(const Problem& problem) {
  return {{problem.query.features, problem.query.rows(), kDimension},
          {problem.gallery.features, problem.gallery.rows(), kDimension},
          {},
          {}};
}

std::vector<float> distances(std::span<const results::DistanceBranch> branches) {
  std::vector<double> found(branches[0].query.rows * branches[0].gallery.rows);
  results::branched_distances(branches, found, {});
  return {found.begin(), found.end()};
}

class BranchedRank : public RankCommand {
 protected:
  CommandOutput rank_distances(const Problem& labels, const std::vector<float>& values) {
    FeatureFile file = labels.labels();
    file.floats["distance"] = {{labels.query.rows(), labels.gallery.rows()}, values};
    return rank(file);
  }
};

TEST_F(BranchedRank, one_branch_ranks_as_its_features) {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    const Problem problem = people(seed, 40, 150);
    const auto by_features = succeeded(rank(problem.as_features()));
    const auto by_distances = rank_distances(problem, distances(std::vector{branch_of(problem)}));
    EXPECT_EQ(by_distances.out, by_features.out);
    EXPECT_GT(core::parse_json(by_features.out, "answer").at("map").get<double>(), 0.1);
  }
}

TEST_F(BranchedRank, weighted_branches_score_as_in_process_to_the_bit) {
  const Problem sharp = people(1, 60, 200);
  Problem blurred = people(2, 60, 200);
  blurred.query.identities = sharp.query.identities;
  const std::vector<float> query_weights = random_weights(1, 60), gallery_weights = random_weights(2, 200);
  std::vector branches{branch_of(sharp), branch_of(blurred)};
  branches[0].query_weights = query_weights;
  branches[1].gallery_weights = gallery_weights;
  const std::vector<float> values = distances(branches);
  const auto scores = results::rank_distances(values, {sharp.query.identities, sharp.query.cameras},
                                              {sharp.gallery.identities, sharp.gallery.cameras}, {});
  const auto output = succeeded(rank_distances(sharp, values));
  const core::Json answer = core::parse_json(output.out, "answer");
  EXPECT_EQ(answer.at("map").get<double>(), scores.map);
  for (std::size_t k = 0; k < scores.cmc.size(); ++k) EXPECT_EQ(answer.at("cmc").at(k).get<double>(), scores.cmc[k]);
  const auto of_one = rank_distances(sharp, distances(std::span(branches).first(1)));
  EXPECT_NE(of_one.out, output.out);
}

}  // namespace
}  // namespace resolute::system_test::branched_rank_test
