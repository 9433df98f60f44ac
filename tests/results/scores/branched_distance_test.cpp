//! The distance over several branches: what it is, to the last digits; what may change no bit of it; what is refused.

#include "results/scores/branched_distance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <functional>
#include <limits>

#include "core/error.h"
#include "core/random/random.h"
#include "results/kernel/pairwise.h"
#include "tests/support/refusal.h"

namespace resolute::results::branched_distance_test {
namespace {

using Order = std::vector<std::size_t>;

struct Side {
  std::vector<float> features;
  std::vector<float> weights;  // may be empty

  Side in_order(const Order& order, std::size_t dimension) const {
    Side to;
    for (std::size_t i : order) {
      for (std::size_t k = 0; k < dimension; ++k) to.features.push_back(features[i * dimension + k]);
      if (!weights.empty()) to.weights.push_back(weights[i]);
    }
    return to;
  }
};

struct Branch {
  std::size_t dimension = 0;
  Side query;
  Side gallery;
};

struct Problem {
  std::size_t queries = 0;
  std::size_t gallery = 0;
  std::vector<Branch> branches;

  std::vector<DistanceBranch> views() const {
    std::vector<DistanceBranch> to;
    for (const Branch& branch : branches)
      to.push_back({{branch.query.features, queries, branch.dimension},
                    {branch.gallery.features, gallery, branch.dimension},
                    branch.query.weights,
                    branch.gallery.weights});
    return to;
  }
  Problem in_order(const Order& query_order, const Order& gallery_order) const {
    Problem to{query_order.size(), gallery_order.size(), {}};
    for (const Branch& branch : branches)
      to.branches.push_back({branch.dimension, branch.query.in_order(query_order, branch.dimension),
                             branch.gallery.in_order(gallery_order, branch.dimension)});
    return to;
  }
  std::vector<double> distances(const WorkOptions& work = {}) const {
    std::vector<double> to(queries * gallery, -7);
    branched_distances(views(), to, work);
    return to;
  }
};

//! Features that provoke: tight clusters far from the origin with exact repeats, so that some rows are nearly equal and
//! some are equal; weights over several orders of magnitude, or none.
Problem make_problem(std::uint64_t seed, std::size_t queries, std::size_t gallery,
                     const std::vector<std::size_t>& dimensions) {
  core::RandomStream random("branched-distance", {seed});
  Problem problem{queries, gallery, {}};
  for (std::size_t dimension : dimensions) {
    Branch branch{dimension, {}, {}};
    std::vector<double> centre(dimension);
    for (double& value : centre) value = 10 * random.normal();
    const double spread = std::pow(10.0, -static_cast<double>(random.below(7)));
    const bool weighted = dimensions.size() > 1 && random.below(4) != 0;
    const auto fill = [&](Side& side, std::size_t rows) {
      for (std::size_t i = 0; i < rows; ++i) {
        const bool repeat = random.below(5) == 0;
        for (double value : centre)
          side.features.push_back(static_cast<float>(repeat ? value : value + spread * random.normal()));
        if (weighted) side.weights.push_back(static_cast<float>(std::pow(10.0, random.uniform(-3, 0))));
      }
    };
    fill(branch.query, queries);
    fill(branch.gallery, gallery);
    problem.branches.push_back(std::move(branch));
  }
  return problem;
}

//! The definition, a loop a sum, in long double: what rounding the kernel adds is seen against it.
long double plain_distance(const Problem& problem, std::size_t q, std::size_t g) {
  long double weighted = 0, weights = 0;
  for (const Branch& branch : problem.branches) {
    long double squares = 0;
    for (std::size_t k = 0; k < branch.dimension; ++k) {
      const long double difference = static_cast<long double>(branch.query.features[q * branch.dimension + k]) -
                                     static_cast<long double>(branch.gallery.features[g * branch.dimension + k]);
      squares += difference * difference;
    }
    long double weight = 1;
    if (!branch.query.weights.empty()) weight *= static_cast<long double>(branch.query.weights[q]);
    if (!branch.gallery.weights.empty()) weight *= static_cast<long double>(branch.gallery.weights[g]);
    weighted += weight * std::sqrt(squares);
    weights += weight;
  }
  return weighted / weights;
}

bool same_bits(double a, double b) { return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b); }

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](double x, double y) { return same_bits(x, y); });
}

TEST(BranchedDistance, equals_a_plain_double_loop) {
  std::size_t equal_rows = 0, near_rows = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    core::RandomStream random("branched-distance-shape", {seed});
    std::vector<std::size_t> dimensions;
    for (std::size_t b = 0; b <= seed % 3; ++b) dimensions.push_back(1 + random.below(seed % 10 == 0 ? 2100 : 300));
    const Problem problem = make_problem(seed, 1 + random.below(30), 1 + random.below(80), dimensions);
    const std::vector<double> found = problem.distances();
    for (std::size_t q = 0; q < problem.queries; ++q)
      for (std::size_t g = 0; g < problem.gallery; ++g) {
        const auto wanted = static_cast<double>(plain_distance(problem, q, g));
        ASSERT_NEAR(found[q * problem.gallery + g], wanted, 1e-12 * wanted) << q << ", " << g;
        equal_rows += wanted == 0;
        near_rows += wanted > 0 && wanted < 1e-4;
      }
  }
  EXPECT_GT(equal_rows, 100U);
  EXPECT_GT(near_rows, 100U);
}

// Products less norms, even in doubles, would have none of this one's digits.
TEST(BranchedDistance, nearly_equal_rows_far_from_the_origin_keep_their_digits) {
  Problem problem{1, 1, {{2048, {std::vector<float>(2048, 1000), {}}, {std::vector<float>(2048, 1000), {}}}}};
  problem.branches[0].gallery.features[7] = std::nextafter(1000.0F, 2000.0F);
  EXPECT_EQ(problem.distances()[0], static_cast<double>(std::nextafter(1000.0F, 2000.0F)) - 1000);
}

TEST(BranchedDistance, equal_features_are_at_zero_in_every_branch_and_for_any_weights) {
  const Problem problem = make_problem(3, 40, 1, {65, 130});
  for (std::size_t q = 0; q < problem.queries; ++q) {
    Problem same = problem.in_order({q}, {0});
    for (Branch& branch : same.branches) branch.gallery.features = branch.query.features;
    EXPECT_TRUE(same_bits(same.distances()[0], 0.0));
  }
}

TEST(BranchedDistance, weights_move_it_between_its_branches) {
  // Distances 5 and 12 (by 3, 4 and by 12 alone): weights 3·2 and 1·2 are shares 3/4 and 1/4.
  Problem problem{1, 1, {{2, {{1, 1}, {3}}, {{4, 5}, {2}}}, {1, {{-2}, {1}}, {{10}, {2}}}}};
  EXPECT_EQ(problem.distances(), std::vector<double>{0.75 * 5 + 0.25 * 12});
  problem.branches[1].query.weights.clear();  // 1
  EXPECT_EQ(problem.distances(), std::vector<double>{0.75 * 5 + 0.25 * 12});
  for (Branch& branch : problem.branches) branch.query.weights = branch.gallery.weights = {0.3F};
  EXPECT_EQ(problem.distances(), std::vector<double>{8.5});
  for (Branch& branch : problem.branches) branch.query.weights = branch.gallery.weights = {};
  EXPECT_EQ(problem.distances(), std::vector<double>{8.5});
  problem.branches.pop_back();
  EXPECT_EQ(problem.distances(), std::vector<double>{5});
  problem.branches[0].query.weights = {0.3F};
  EXPECT_EQ(problem.distances(), std::vector<double>{5});
}

TEST(BranchedDistance, the_largest_and_the_smallest_numbers_neither_overflow_nor_vanish) {
  constexpr float kMost = std::numeric_limits<float>::max(), kLeast = std::numeric_limits<float>::denorm_min();
  const Problem problem{2,
                        1,
                        {{2, {{kMost, kMost, kLeast, 0}, {kMost, kLeast}}, {{-kMost, -kMost}, {kMost}}},
                         {1, {{kMost, kLeast}, {kLeast, kLeast}}, {{0}, {kLeast}}}}};
  const std::vector<double> found = problem.distances();
  EXPECT_TRUE(std::isfinite(found[0]));
  EXPECT_GT(found[0], 9e38);
  Problem small = problem.in_order({1}, {0});
  small.branches.erase(small.branches.begin());
  EXPECT_EQ(small.distances()[0], static_cast<double>(kLeast));
}

TEST(BranchedDistance, blocks_and_threads_change_no_bit) {
  for (const auto& [queries, gallery] : std::vector<std::pair<std::size_t, std::size_t>>{{1, 1}, {7, 33}, {50, 131}}) {
    const Problem problem = make_problem(queries, queries, gallery, {300, 17});
    const std::vector<double> whole = problem.distances();
    for (std::size_t query_block : {1U, 5U, 6U, 13U, 1000U})
      for (std::size_t gallery_block : {1U, 31U, 32U, 40U, 5000U})
        for (int threads : {1, 3})
          EXPECT_TRUE(same_bits(whole, problem.distances({threads, query_block, gallery_block})))
              << query_block << " " << gallery_block << " " << threads;
  }
}

TEST(BranchedDistance, a_distance_does_not_depend_on_other_rows_or_their_order) {
  const Problem problem = make_problem(11, 23, 71, {260, 40, 1});
  const std::vector<double> whole = problem.distances();
  core::RandomStream random("branched-distance-order", {});
  for (int turn = 0; turn < 10; ++turn) {
    Order queries = random.permutation(problem.queries), gallery = random.permutation(problem.gallery);
    queries.resize(1 + random.below(queries.size()));
    gallery.resize(1 + random.below(gallery.size()));
    const std::vector<double> part = problem.in_order(queries, gallery).distances({2, 8, 16});
    for (std::size_t q = 0; q < queries.size(); ++q)
      for (std::size_t g = 0; g < gallery.size(); ++g)
        ASSERT_TRUE(same_bits(part[q * gallery.size() + g], whole[queries[q] * problem.gallery + gallery[g]]));
  }
}

std::vector<double> random_numbers(core::RandomStream& random, std::size_t count) {
  std::vector<double> values(count);
  for (double& value : values) value = std::pow(10.0, random.uniform(-9, 9)) * (0.1 + random.uniform());
  return values;
}

TEST(BranchedDistance, every_processor_computes_alike) {
  using namespace kernel;
  core::RandomStream random("pairwise-kernel", {});
  constexpr std::size_t kStride = 40;
  for (std::size_t depth : {0U, 1U, 7U, 64U, 255U}) {
    const auto rows = random_numbers(random, kTileRows * (depth + 3));
    const auto panel = random_numbers(random, depth * kPanelColumns);
    const auto before = random_numbers(random, kTileRows * kStride);
    const auto squares = random_numbers(random, depth);
    const auto weights = random_numbers(random, depth);
    const auto totals = random_numbers(random, depth);
    std::vector<double> sums_by_portable = before, shares_by_portable(depth, 0.5);
    const PairwiseKernel& portable = pairwise_kernels().back();
    portable.add_squares(rows.data(), depth + 3, panel.data(), depth, sums_by_portable.data(), kStride);
    portable.add_shares(squares.data(), weights.data(), totals.data(), depth, shares_by_portable.data());
    for (const PairwiseKernel& kernel : pairwise_kernels()) {
      std::vector<double> sums = before, shares(depth, 0.5);
      kernel.add_squares(rows.data(), depth + 3, panel.data(), depth, sums.data(), kStride);
      kernel.add_shares(squares.data(), weights.data(), totals.data(), depth, shares.data());
      EXPECT_TRUE(same_bits(sums, sums_by_portable)) << depth;
      EXPECT_TRUE(same_bits(shares, shares_by_portable)) << depth;
    }
  }
}

TEST(BranchedDistance, an_empty_side_has_no_distances) {
  EXPECT_TRUE(make_problem(0, 0, 5, {4, 4}).distances().empty());
  EXPECT_TRUE(make_problem(0, 5, 0, {4, 4}).distances().empty());
}

std::string refusal(const std::function<void(Problem&)>& change, std::size_t distances = 12) {
  Problem problem = make_problem(0, 3, 4, {5, 2});
  for (Branch& branch : problem.branches) {
    branch.query.weights = {1, 1, 1};
    branch.gallery.weights = {1, 1, 1, 1};
  }
  change(problem);
  std::vector<double> to(distances);
  return tests::refusal([&] { branched_distances(problem.views(), to, {}); });
}

TEST(BranchedDistance, bad_input_is_refused) {
  using testing::HasSubstr;
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN(), kInfinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(refusal([](Problem&) {}), "");
  EXPECT_THAT(refusal([](Problem& p) { p.branches.clear(); }), HasSubstr("no branch"));
  EXPECT_THAT(refusal([](Problem&) {}, 11), HasSubstr("room for 11 distances"));
  EXPECT_THAT(refusal([](Problem& p) { p.branches[1].query.features.pop_back(); }),
              HasSubstr("query of branch 1 has 5 feature values"));
  EXPECT_THAT(refusal([](Problem& p) { p.branches[1].gallery.features.push_back(1); }),
              HasSubstr("gallery of branch 1 has 9 feature values"));
  EXPECT_THAT(refusal([](Problem& p) { p.branches[0].gallery.features.resize(15); }), HasSubstr("15 feature values"));
  EXPECT_THAT(refusal([](Problem& p) { p.branches[0] = {0, {{}, {}}, {{}, {}}}; }), HasSubstr("no dimension"));
  for (float bad : {kNan, kInfinity, -kInfinity}) {
    EXPECT_THAT(refusal([&](Problem& p) { p.branches[0].query.features[12] = bad; }),
                HasSubstr("value 2 of query feature 2 of branch 0 is"));
    EXPECT_THAT(refusal([&](Problem& p) { p.branches[1].gallery.features[7] = bad; }),
                HasSubstr("value 1 of gallery feature 3 of branch 1 is"));
  }
  for (float bad : {kNan, kInfinity, 0.0F, -1.0F}) {
    EXPECT_THAT(refusal([&](Problem& p) { p.branches[1].query.weights[2] = bad; }),
                HasSubstr("weight of query 2 of branch 1 is"));
    EXPECT_THAT(refusal([&](Problem& p) { p.branches[0].gallery.weights[0] = bad; }),
                HasSubstr("weight of gallery 0 of branch 0 is"));
  }
  EXPECT_THAT(refusal([](Problem& p) { p.branches[0].query.weights.pop_back(); }), HasSubstr("has 2 weights"));
  EXPECT_THAT(refusal([](Problem& p) { p.branches[0].gallery.weights.push_back(1); }), HasSubstr("has 5 weights"));
}

TEST(BranchedDistance, branches_of_other_rows_or_dimensions_are_refused) {
  const std::vector<float> values(12, 1);
  const DistanceBranch branch{{values, 3, 4}, {values, 3, 4}, {}, {}};
  const std::vector<std::pair<DistanceBranch, std::string>> others{
      {{{values, 4, 3}, {values, 3, 4}, {}, {}}, "branch 1 has 4 queries and 3 gallery images"},
      {{{values, 3, 4}, {values, 2, 6}, {}, {}}, "branch 1 has 3 queries and 2 gallery images"},
      {{{values, 3, 4}, {std::span(values).first(9), 3, 3}, {}, {}}, "branch 1 has query features of 4 dimensions"}};
  for (const auto& [other, words] : others) {
    std::vector<double> to(9);
    EXPECT_THAT(tests::refusal([&, &one = other] {
                  branched_distances(std::vector{branch, one}, to, {});
                }),
                testing::HasSubstr(words));
  }
}

}  // namespace
}  // namespace resolute::results::branched_distance_test
