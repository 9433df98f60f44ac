// `resolute rank` where each query is compared by its own number of dimensions: the figures of a brute-force twin, and
// what may change no bit of them.

#include <gmock/gmock.h>

#include <algorithm>

#include "core/files/json.h"
#include "core/random/random.h"
#include "tests/system/rank/feature_file.h"

namespace resolute::system_test::rank_levels_test {
namespace {

//! How features are drawn.
enum class Kind {
  kNormal,
  kCoarse,  //!< whole numbers from -1 to 1: many pairs are equally far
  kPadded,  //!< as an evaluation leaves them: zeros behind a query's prefix
};

//! Identities from -1 (junk) and 0 (nobody) up, three cameras, prefixes in no order: of four lengths, or of any.
Problem random_problem(std::uint64_t seed, Kind kind, std::size_t queries, std::size_t images) {
  core::RandomStream random("rank-levels", {seed});
  Problem problem;
  problem.dimension = 16 + static_cast<std::size_t>(random.below(40));
  const std::vector<std::int64_t> lengths{1, 7, static_cast<std::int64_t>(problem.dimension) - 3,
                                          static_cast<std::int64_t>(problem.dimension)};
  const auto fill = [&](Side& side, std::size_t rows) {
    for (std::size_t i = 0; i < rows; ++i) {
      side.identities.push_back(static_cast<std::int64_t>(random.below(12)) - 1);
      side.cameras.push_back(static_cast<std::int64_t>(random.below(3)));
      for (std::size_t k = 0; k < problem.dimension; ++k)
        side.features.push_back(kind == Kind::kCoarse ? static_cast<float>(random.below(3)) - 1
                                                      : static_cast<float>(random.normal()));
    }
  };
  fill(problem.query, queries);
  fill(problem.gallery, images);
  for (std::size_t q = 0; q < queries; ++q) {
    problem.prefix.push_back(seed % 3 == 0 ? 1 + static_cast<std::int64_t>(random.below(problem.dimension))
                                           : lengths[static_cast<std::size_t>(random.below(4))]);
    for (std::size_t k = static_cast<std::size_t>(problem.prefix[q]); kind == Kind::kPadded && k < problem.dimension;
         ++k)
      problem.query.features[q * problem.dimension + k] = 0;
  }
  return problem;
}

struct Twin {
  std::vector<double> cmc;
  double map = 0;
  int queries = 0, without_match = 0, ties = 0;
};

//! By sorting: every right image behind the wrong ones that are as far.
Twin brute_force(const Problem& problem) {
  Twin twin;
  twin.cmc.assign(50, 0.0);
  for (std::size_t q = 0; q < problem.query.rows(); ++q) {
    const std::int64_t identity = problem.query.identities[q];
    const std::vector<double> distances = problem.distances_of(q);
    std::vector<std::pair<double, bool>> order;  // false, wrong, first
    for (std::size_t g = 0; g < problem.gallery.rows(); ++g) {
      const std::int64_t other = problem.gallery.identities[g];
      const bool same = identity == other;
      if (other == -1 || (same && problem.query.cameras[q] == problem.gallery.cameras[g])) continue;
      order.emplace_back(distances[g], same);
    }
    std::sort(order.begin(), order.end());
    std::size_t right = 0, first = 0;
    double precision = 0;
    for (std::size_t place = 0; place < order.size(); ++place) {
      if (!order[place].second) continue;
      twin.ties += place > 0 && !order[place - 1].second && order[place - 1].first == order[place].first;
      if (right++ == 0) first = place;
      precision += static_cast<double>(right) / static_cast<double>(place + 1);
    }
    if (right == 0) {
      ++twin.without_match;
      continue;
    }
    ++twin.queries;
    twin.map += precision / static_cast<double>(right);
    for (std::size_t k = first; k < twin.cmc.size(); ++k) ++twin.cmc[k];
  }
  for (double& share : twin.cmc) share /= twin.queries;
  twin.map /= twin.queries;
  return twin;
}

class RankOfLevels : public RankCommand {
 protected:
  std::string answer(const Problem& problem, std::vector<std::string> more = {}) {
    const core::CommandOutput output = succeeded(rank(problem.as_features(), std::move(more)));
    return output.out;
  }
};

TEST_F(RankOfLevels, each_query_ranks_by_its_own_dimensions_as_by_brute_force) {
  int ties = 0;
  for (const Kind kind : {Kind::kNormal, Kind::kCoarse, Kind::kPadded})
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
      SCOPED_TRACE(seed);
      const Problem problem = random_problem(seed, kind, 40, 90);
      const Twin twin = brute_force(problem);
      const core::Json found = core::parse_json(answer(problem), "answer");
      EXPECT_THAT(found.at("cmc").get<std::vector<double>>(), testing::Pointwise(testing::DoubleNear(1e-9), twin.cmc));
      EXPECT_NEAR(found.at("map").get<double>(), twin.map, 1e-9);
      EXPECT_EQ(found.at("queries"), twin.queries);
      EXPECT_EQ(found.at("queries_without_match"), twin.without_match);
      ties += twin.ties;
    }
  EXPECT_GT(ties, 100);
}

TEST_F(RankOfLevels, dimensions_behind_a_prefix_change_no_bit) {
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    Problem problem = random_problem(seed, Kind::kPadded, 40, 90);
    const std::string padded = answer(problem);
    for (std::size_t q = 0; q < problem.query.rows(); ++q)
      for (std::size_t k = static_cast<std::size_t>(problem.prefix[q]); k < problem.dimension; ++k)
        problem.query.features[q * problem.dimension + k] = 1e6F;
    EXPECT_EQ(padded, answer(problem));
  }
}

TEST_F(RankOfLevels, a_prefix_of_all_dimensions_is_none_to_the_bit) {
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    Problem problem = random_problem(seed, Kind::kNormal, 60, 3000);
    problem.prefix.assign(problem.query.rows(), static_cast<std::int64_t>(problem.dimension));
    const std::string all = answer(problem);
    problem.prefix.clear();
    EXPECT_EQ(all, answer(problem));
  }
}

TEST_F(RankOfLevels, levels_beside_prefixes_threads_and_the_order_of_queries_change_no_bit) {
  const Problem problem = random_problem(7, Kind::kNormal, 500, 3000);
  const std::string first = answer(problem);
  FeatureFile file = problem.as_features();
  file.set("query/level", Integers(problem.query.rows(), 3));
  EXPECT_EQ(first, rank(file).out);
  EXPECT_EQ(first, answer(problem, {"--threads", "1"}));
  EXPECT_EQ(first, answer(problem, {"--threads", "3"}));
  const Order order = core::RandomStream("rank-levels order", {}).permutation(problem.query.rows());
  Problem shuffled = problem;
  shuffled.query = problem.query.in_order(order, problem.dimension);
  shuffled.prefix = picked(problem.prefix, order, 1);
  EXPECT_EQ(first, answer(shuffled));
}

}  // namespace
}  // namespace resolute::system_test::rank_levels_test
