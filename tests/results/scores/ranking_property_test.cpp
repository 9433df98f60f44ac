//! What may change no bit of a ranking: the order of gallery and queries, block sizes, threads, the matrix product.

#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <bit>
#include <cmath>

#include "core/random/random.h"
#include "results/kernel/distance.h"
#include "results/kernel/gemm_openblas.h"
#include "results/scores/galleries.h"
#include "results/scores/ranking.h"
#include "tests/results/reference_gemm.h"

namespace resolute::results::ranking_property_test {
namespace {

struct Side {
  std::vector<float> features;
  std::vector<std::int64_t> identities;
  std::vector<std::int64_t> cameras;
  std::vector<std::int64_t> prefix;  // of queries; may be empty

  FeatureMatrix matrix() const {
    std::size_t rows = identities.size();
    return {features, rows, rows == 0 ? 0 : features.size() / rows};
  }
  Labels labels() const { return {identities, cameras}; }

  Side permuted(const std::vector<std::size_t>& order) const {
    Side to;
    std::size_t width = matrix().dimension;
    for (std::size_t i : order) {
      auto row = features.begin() + static_cast<std::ptrdiff_t>(i * width);
      to.features.insert(to.features.end(), row, row + static_cast<std::ptrdiff_t>(width));
      to.identities.push_back(identities[i]);
      to.cameras.push_back(cameras[i]);
      if (!prefix.empty()) to.prefix.push_back(prefix[i]);
    }
    return to;
  }
};

struct Problem {
  Side query;
  Side gallery;
};

//! Features that provoke: clusters tighter than float32 rounding around few centres, exact repeats, a large common
//! offset.
Problem make_problem(std::uint64_t seed) {
  core::RandomStream random("ranking-property", {seed});
  std::size_t dimension = 1 + random.below(70);
  std::size_t centres = 1 + random.below(4);
  double offset = random.below(2) == 0 ? 0 : 100;
  double spread = std::pow(10.0, -static_cast<double>(random.below(8)));
  std::vector<double> centre(centres * dimension);
  for (double& value : centre) value = offset + random.normal();
  auto fill = [&](std::size_t rows) {
    Side side;
    for (std::size_t i = 0; i < rows; ++i) {
      std::size_t c = random.below(centres);
      bool repeat = random.below(3) == 0;
      for (std::size_t k = 0; k < dimension; ++k)
        side.features.push_back(
            static_cast<float>(centre[c * dimension + k] + (repeat ? 0 : spread * random.normal())));
      side.identities.push_back(static_cast<std::int64_t>(random.below(7)) - 1);
      side.cameras.push_back(static_cast<std::int64_t>(random.below(3)));
    }
    return side;
  };
  Problem problem{fill(1 + random.below(12)), fill(1 + random.below(60))};
  if (random.below(3) == 0)
    for (std::size_t q = 0; q < problem.query.identities.size(); ++q)
      problem.query.prefix.push_back(static_cast<std::int64_t>(1 + random.below(dimension)));
  return problem;
}

RankingScores rank(const Problem& problem, const Gemm& gemm, const WorkOptions& work = {}) {
  return rank_features(problem.query.matrix(), problem.query.labels(), problem.gallery.matrix(),
                       problem.gallery.labels(), problem.query.prefix, gemm, {20, work});
}

bool same_bits(const RankingScores& a, const RankingScores& b) {
  auto same = [](double x, double y) { return std::bit_cast<std::uint64_t>(x) == std::bit_cast<std::uint64_t>(y); };
  for (std::size_t k = 0; k < a.cmc.size(); ++k)
    if (!same(a.cmc[k], b.cmc[k])) return false;
  return a.cmc.size() == b.cmc.size() && same(a.map, b.map) && same(a.minp, b.minp) &&
         same(a.chance_map, b.chance_map) && a.queries == b.queries &&
         a.queries_without_match == b.queries_without_match;
}

//! By every distance and a sort, as the definition says.
double brute_force_map(const Problem& problem) {
  const Side& query = problem.query;
  const Side& gallery = problem.gallery;
  std::size_t dimension = query.matrix().dimension;
  std::vector<double> precisions;
  for (std::size_t q = 0; q < query.identities.size(); ++q) {
    std::vector<std::pair<double, int>> kept;
    std::size_t depth = query.prefix.empty() ? dimension : static_cast<std::size_t>(query.prefix[q]);
    for (std::size_t g = 0; g < gallery.identities.size(); ++g) {
      bool right = gallery.identities[g] == query.identities[q] && query.identities[q] >= 0;
      if (gallery.identities[g] == -1 || (right && gallery.cameras[g] == query.cameras[q])) continue;
      kept.emplace_back(kernel::squared_distance_portable(query.features.data() + q * dimension,
                                                          gallery.features.data() + g * dimension, depth),
                        right ? 1 : 0);
    }
    std::sort(kept.begin(), kept.end());
    double sum = 0;
    int hits = 0;
    for (std::size_t i = 0; i < kept.size(); ++i)
      if (kept[i].second == 1) sum += static_cast<double>(++hits) / static_cast<double>(i + 1);
    if (hits > 0) precisions.push_back(sum / hits);
  }
  return order_free_mean(std::move(precisions));
}

RC_GTEST_PROP(RankingProperty, equals_brute_force, (std::uint64_t seed)) {
  Problem problem = make_problem(seed);
  double expected = brute_force_map(problem);
  RC_ASSERT(std::abs(rank(problem, openblas_gemm()).map - expected) <= 1e-12);
}

RC_GTEST_PROP(RankingProperty, permuting_queries_and_gallery_changes_no_bit, (std::uint64_t seed)) {
  Problem problem = make_problem(seed);
  core::RandomStream random("order", {seed});
  Problem permuted{problem.query.permuted(random.permutation(problem.query.identities.size())),
                   problem.gallery.permuted(random.permutation(problem.gallery.identities.size()))};
  RC_ASSERT(same_bits(rank(problem, openblas_gemm()), rank(permuted, openblas_gemm())));
}

RC_GTEST_PROP(RankingProperty, blocks_and_threads_change_no_bit, (std::uint64_t seed)) {
  Problem problem = make_problem(seed);
  core::RandomStream random("blocks", {seed});
  WorkOptions work{static_cast<int>(1 + random.below(3)), 1 + random.below(5), 1 + random.below(9)};
  RC_ASSERT(same_bits(rank(problem, openblas_gemm()), rank(problem, openblas_gemm(), work)));
}

RC_GTEST_PROP(RankingProperty, a_gallery_read_in_slices_changes_no_bit, (std::uint64_t seed)) {
  const Problem problem = make_problem(seed);
  core::RandomStream random("slices", {seed});
  const FeatureMatrix whole = problem.gallery.matrix();
  std::array<std::vector<float>, 2> slices;  // what was read before the last is gone
  const GallerySource source{whole.rows, whole.dimension, 1 + random.below(20),
                             [&](std::size_t first, std::size_t count) {
                               const auto rows = whole.values.subspan(first * whole.dimension, count * whole.dimension);
                               std::swap(slices[0], slices[1]);
                               slices[0].assign(rows.begin(), rows.end());
                               return std::span<const float>(slices[0]);
                             }};
  const WorkOptions work{static_cast<int>(1 + random.below(3)), 1 + random.below(5), 1 + random.below(9)};
  const RankingScores in_slices =
      rank_features(problem.query.matrix(), problem.query.labels(), source, problem.gallery.labels(),
                    problem.query.prefix, openblas_gemm(), {20, work});
  RC_ASSERT(same_bits(rank(problem, openblas_gemm()), in_slices));
}

//! As wrong as gemm.h allows: the exact product moved by up to 99 % of the bound, up and down without pattern.
void perturbed_gemm(const GemmBlock& block) {
  for (std::size_t i = 0; i < block.rows; ++i) {
    for (std::size_t j = 0; j < block.columns; ++j) {
      const float* a = block.a + i * block.a_stride;
      const float* b = block.b + j * block.b_stride;
      double dot = 0;
      double aa = 0;
      double bb = 0;
      for (std::size_t k = 0; k < block.depth; ++k) {
        dot += static_cast<double>(a[k]) * static_cast<double>(b[k]);
        aa += static_cast<double>(a[k]) * static_cast<double>(a[k]);
        bb += static_cast<double>(b[k]) * static_cast<double>(b[k]);
      }
      // The store to float32 takes part of the bound; depth + 2 of it is left for the move.
      double bound = gemm_error_factor(block.depth) * std::sqrt(aa * bb) - std::abs(dot) * 0x1p-24;
      double move = (i * 31 + j * 17) % 2 == 0 ? 0.99 : -0.99;
      block.c[i * block.c_stride + j] = static_cast<float>(dot + move * bound);
    }
  }
}

RC_GTEST_PROP(RankingProperty, the_matrix_product_changes_no_bit, (std::uint64_t seed)) {
  Problem problem = make_problem(seed);
  RankingScores by_blas = rank(problem, openblas_gemm());
  RC_ASSERT(same_bits(by_blas, rank(problem, reference_gemm)));
  RC_ASSERT(same_bits(by_blas, rank(problem, perturbed_gemm)));
}

RC_GTEST_PROP(RankingProperty, single_shot_is_free_of_order_and_product, (std::uint64_t seed)) {
  Problem problem = make_problem(seed);
  core::RandomStream random("single-shot-order", {seed});
  auto order = random.permutation(problem.gallery.identities.size());
  std::vector<std::size_t> place(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) place[order[i]] = i;
  GalleryDraw draw;
  GalleryDraw moved;
  for (std::int64_t identity = 0; identity < 6; ++identity) {
    for (std::size_t g = 0; g < order.size(); ++g) {
      if (problem.gallery.identities[g] != identity) continue;
      draw.push_back(g);
      moved.push_back(place[g]);
      break;
    }
  }
  auto shot = [](const Problem& p, const GalleryDraw& images, const Gemm& gemm) {
    return score_galleries(p.query.matrix(), p.query.labels(), p.gallery.matrix(), p.gallery.labels(), p.query.prefix,
                           std::span(&images, 1), gemm, {});
  };
  GalleryScores one = shot(problem, draw, reference_gemm);
  GalleryScores other = shot({problem.query, problem.gallery.permuted(order)}, moved, perturbed_gemm);
  RC_ASSERT(one.cmc == other.cmc);
  RC_ASSERT(one.map_single == other.map_single);
  RC_ASSERT(one.map_full == other.map_full);
  RC_ASSERT(one.chance_map_full == other.chance_map_full);
}

RC_GTEST_PROP(RankingProperty, every_processor_sums_alike, (std::uint64_t seed)) {
  core::RandomStream random("distance", {seed});
  std::size_t dimension = random.below(200);
  std::vector<float> a(dimension);
  std::vector<float> b(dimension);
  for (std::size_t k = 0; k < dimension; ++k) {
    a[k] = static_cast<float>(random.normal() * std::pow(10.0, random.uniform(-30, 30)));
    b[k] = static_cast<float>(random.normal() * std::pow(10.0, random.uniform(-30, 30)));
  }
  RC_ASSERT(std::bit_cast<std::uint64_t>(kernel::squared_distance(a.data(), b.data(), dimension)) ==
            std::bit_cast<std::uint64_t>(kernel::squared_distance_portable(a.data(), b.data(), dimension)));
}

}  // namespace
}  // namespace resolute::results::ranking_property_test
