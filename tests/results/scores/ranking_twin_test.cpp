//! 500 seeded cases against a twin: plain loops over doubles and a sort, with nothing of the product in them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "core/random/random.h"
#include "results/kernel/gemm_openblas.h"
#include "results/scores/branched_distance.h"
#include "results/scores/ranking.h"
#include "tests/results/reference_gemm.h"
#include "tests/support/rank_distances.h"

namespace resolute::results::ranking_twin_test {
namespace {

struct Side {
  std::vector<std::int64_t> identities;
  std::vector<std::int64_t> cameras;  // empty: unknown
  std::vector<std::size_t> origins;   // the row before it that an image repeats in every branch, or its own

  std::size_t rows() const { return identities.size(); }
  Labels labels() const { return {identities, cameras}; }
};

struct BranchSide {
  std::vector<float> features;
  std::vector<float> weights;  // empty: 1 each
};

struct Branch {
  std::size_t dimension = 0;
  BranchSide query;
  BranchSide gallery;
};

struct Case {
  Side query;
  Side gallery;
  std::vector<Branch> branches;
  bool by_features = false;  // one branch without weights, compared as features
  std::vector<std::int64_t> prefix;

  std::size_t depth(std::size_t q, const Branch& branch) const {
    return prefix.empty() ? branch.dimension : static_cast<std::size_t>(prefix[q]);
  }
};

Side make_side(core::RandomStream& random, std::size_t rows, bool with_cameras) {
  Side side;
  for (std::size_t i = 0; i < rows; ++i) {
    side.identities.push_back(static_cast<std::int64_t>(random.below(8)) - 1);
    if (with_cameras) side.cameras.push_back(static_cast<std::int64_t>(random.below(3)));
    side.origins.push_back(random.below(3) == 0 ? random.below(i + 1) : i);
  }
  return side;
}

//! One that is compared alone has features on a coarse grid, or in clusters that may be tighter than float32 rounds
//! their products: where distances nearly tie, doubles hold them exactly. Weighted sums are rounded, so several
//! branches have ties where rows repeat one another, and nowhere else.
Branch make_branch(core::RandomStream& random, const Side& query, const Side& gallery, bool by_features) {
  Branch branch{1 + random.below(40), {}, {}};
  const bool grid = by_features && random.below(2) == 0, weighted = !by_features && random.below(4) != 0;
  const double offset = random.below(2) == 0 ? 0 : 100;
  const double spread = std::pow(10.0, -static_cast<double>(random.below(by_features ? 8 : 3)));
  const auto fill = [&](BranchSide& to, const Side& side) {
    for (std::size_t i = 0; i < side.rows(); ++i) {
      const std::size_t origin = side.origins[i];
      for (std::size_t k = 0; k < branch.dimension; ++k) {
        const double drawn = grid ? static_cast<double>(random.below(3)) / 2 : offset + spread * random.normal();
        to.features.push_back(origin < i ? to.features[origin * branch.dimension + k] : static_cast<float>(drawn));
      }
      if (!weighted) continue;
      const double drawn = std::pow(10.0, random.uniform(-2, 0));
      to.weights.push_back(origin < i ? to.weights[origin] : static_cast<float>(drawn));
    }
  };
  fill(branch.query, query);
  fill(branch.gallery, gallery);
  return branch;
}

Case make_case(std::uint64_t seed) {
  core::RandomStream random("ranking-twin", {seed});
  const bool with_cameras = seed % 7 != 0;
  Case made{make_side(random, seed % 25 == 1 ? 0 : 1 + random.below(10), with_cameras),
            make_side(random, seed % 25 == 2 ? 0 : 1 + random.below(50), with_cameras),
            {},
            seed % 5 > 1,
            {}};
  const std::size_t branches = made.by_features ? 1 : 1 + random.below(3);
  while (made.branches.size() < branches)
    made.branches.push_back(make_branch(random, made.query, made.gallery, made.by_features));
  if (made.by_features && seed % 3 == 0)
    for (std::size_t q = 0; q < made.query.rows(); ++q)
      made.prefix.push_back(static_cast<std::int64_t>(1 + random.below(made.branches[0].dimension)));
  return made;
}

double twin_squares(const Branch& branch, std::size_t q, std::size_t g, std::size_t depth) {
  double squares = 0;
  for (std::size_t k = 0; k < depth; ++k) {
    const double difference = static_cast<double>(branch.query.features[q * branch.dimension + k]) -
                              static_cast<double>(branch.gallery.features[g * branch.dimension + k]);
    squares += difference * difference;
  }
  return squares;
}

//! Squared for features.
double twin_distance(const Case& example, std::size_t q, std::size_t g) {
  double weighted = 0, weights = 0;
  for (const Branch& branch : example.branches) {
    const double squares = twin_squares(branch, q, g, example.depth(q, branch));
    if (example.by_features) return squares;
    const double weight = branch.query.weights.empty() ? 1
                                                       : static_cast<double>(branch.query.weights[q]) *
                                                             static_cast<double>(branch.gallery.weights[g]);
    weighted += weight * std::sqrt(squares);
    weights += weight;
  }
  return weighted / weights;
}

struct Twin {
  std::vector<double> distances;
  std::vector<double> cmc;
  double map = 0, minp = 0;
  std::size_t queries = 0, without = 0;
  std::map<std::string, int> kinds;  // what there is to prove, as counted on the way
};

//! Distance and 1 for a right image, 0 for a wrong one: sorted, wrong images stand before right ones at one distance.
using Ranked = std::vector<std::pair<double, int>>;

Ranked twin_ranking(const Case& example, std::size_t q, Twin& twin) {
  const Side &query = example.query, &gallery = example.gallery;
  Ranked ranked;
  for (std::size_t g = 0; g < gallery.rows(); ++g) {
    const bool same = gallery.identities[g] == query.identities[q];
    const bool junk = gallery.identities[g] == -1;
    const bool own_camera = same && !query.cameras.empty() && gallery.cameras[g] == query.cameras[q];
    twin.kinds["junk"] += junk;
    twin.kinds["own camera"] += own_camera && !junk;
    if (!junk && !own_camera) ranked.emplace_back(twin.distances[q * gallery.rows() + g], same);
  }
  std::sort(ranked.begin(), ranked.end());
  for (std::size_t i = 1; i < ranked.size(); ++i)
    twin.kinds["ties"] += ranked[i - 1].first == ranked[i].first && ranked[i - 1].second < ranked[i].second;
  return ranked;
}

Twin twin_of(const Case& example) {
  Twin twin;
  twin.cmc.assign(example.gallery.rows() + 1, 0);
  for (std::size_t q = 0; q < example.query.rows(); ++q)
    for (std::size_t g = 0; g < example.gallery.rows(); ++g) twin.distances.push_back(twin_distance(example, q, g));
  for (std::size_t q = 0; q < example.query.rows(); ++q) {
    const Ranked ranked = twin_ranking(example, q, twin);
    double hits = 0, precisions = 0, last = 0;
    for (std::size_t i = 0; i < ranked.size(); ++i) {
      if (ranked[i].second == 0) continue;
      if (hits == 0)
        for (std::size_t k = i; k < twin.cmc.size(); ++k) ++twin.cmc[k];
      last = static_cast<double>(i + 1);
      precisions += ++hits / last;
    }
    if (hits == 0) {
      ++twin.without;
      continue;
    }
    ++twin.queries;
    twin.map += precisions / hits;
    twin.minp += hits / last;
  }
  const auto mean = [&](double& sum) { sum /= static_cast<double>(std::max<std::size_t>(twin.queries, 1)); };
  std::for_each(twin.cmc.begin(), twin.cmc.end(), mean);
  mean(twin.map);
  mean(twin.minp);
  return twin;
}

void expect_equal(const RankingScores& scores, const Twin& twin) {
  EXPECT_THAT(scores.cmc, testing::Pointwise(testing::DoubleNear(1e-12), twin.cmc));
  EXPECT_NEAR(scores.map, twin.map, 1e-12);
  EXPECT_NEAR(scores.minp, twin.minp, 1e-12);
  EXPECT_EQ(scores.queries, twin.queries);
  EXPECT_EQ(scores.queries_without_match, twin.without);
}

//! By features if it has them, and by distances: the twin's, or those over its branches.
void expect_twins(const Case& example, const Twin& twin, const WorkOptions& work) {
  const Labels query = example.query.labels(), gallery = example.gallery.labels();
  const RankingOptions options{static_cast<int>(twin.cmc.size()), work};
  std::vector<double> distances = twin.distances;
  std::vector<DistanceBranch> views;
  for (const Branch& branch : example.branches)
    views.push_back({{branch.query.features, example.query.rows(), branch.dimension},
                     {branch.gallery.features, example.gallery.rows(), branch.dimension},
                     branch.query.weights,
                     branch.gallery.weights});
  if (example.by_features) {
    for (const Gemm& gemm : {Gemm(reference_gemm), openblas_gemm()})
      expect_equal(rank_features(views[0].query, query, views[0].gallery, gallery, example.prefix, gemm, options),
                   twin);
  } else {
    branched_distances(views, distances, work);
    for (std::size_t i = 0; i < distances.size(); ++i)
      ASSERT_NEAR(distances[i], twin.distances[i], 1e-12 * twin.distances[i]) << i;
  }
  expect_equal(rank_distances(distances, query, gallery, options), twin);
}

//! Counts a case under each kind that it is of.
void count(const Case& example, const Twin& twin, std::map<std::string, int>& cases) {
  const auto of_kind = [&](const std::string& kind, bool yes) { cases[kind] += yes; };
  for (const auto& [kind, times] : twin.kinds) of_kind(kind, times > 0);
  of_kind("no query", example.query.rows() == 0);
  of_kind("empty gallery", example.gallery.rows() == 0);
  of_kind("no cameras", example.query.rows() > 0 && example.gallery.rows() > 0 && example.gallery.cameras.empty());
  of_kind("query without a match", twin.without > 0 && twin.queries > 0);
  of_kind("prefix", !example.prefix.empty());
  of_kind("several branches", example.branches.size() > 1);
  of_kind("weighted branches", example.branches.size() > 1 && !example.branches[0].query.weights.empty());
  of_kind("ties over branches",
          example.branches.size() > 1 && twin.kinds.contains("ties") && twin.kinds.at("ties") > 0);
}

TEST(RankingTwin, five_hundred_seeded_cases_equal_a_brute_force_twin) {
  std::map<std::string, int> cases;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(seed);
    const Case example = make_case(seed);
    const Twin twin = twin_of(example);
    expect_twins(example, twin, {static_cast<int>(1 + seed % 3), 1 + seed % 5, 1 + seed % 9});
    if (testing::Test::HasFailure()) return;
    count(example, twin, cases);
    ++cases["all"];
  }
  EXPECT_EQ(cases["all"], 500);
  EXPECT_EQ(cases["no query"], 20);
  EXPECT_EQ(cases["empty gallery"], 20);
  for (const char* kind : {"ties", "ties over branches", "junk", "own camera", "no cameras", "query without a match",
                           "prefix", "several branches", "weighted branches"})
    EXPECT_GE(cases[kind], 60) << kind;
}

}  // namespace
}  // namespace resolute::results::ranking_twin_test
