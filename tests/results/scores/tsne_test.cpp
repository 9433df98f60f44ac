//! t-SNE against scikit-learn's cost, its parts against their definitions, and what it makes of hardly any points.

#include "results/scores/tsne.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/files/file_system.h"
#include "core/files/json.h"
#include "tests/support/folders.h"

namespace resolute::results::tsne_test {
namespace {

struct Case {
  std::size_t rows = 0, dimensions = 0;
  double perplexity = 0, cost = 0;
  std::vector<float> values;

  FeatureMatrix features() const { return {values, rows, dimensions}; }
};

std::vector<Case> cases() {
  const auto path = tests::source_folder() / "tests/golden/tsne/tsne.json";
  std::vector<Case> cases;
  for (const core::Json& one : core::parse_json(core::read_text(core::real_file_system(), path), path.string())) {
    const std::vector<float> values = one.at("values");
    const std::size_t rows = one.at("rows"), stored = one.at("dimensions");
    const float apart = one.at("apart");
    const std::size_t dimensions = stored + (apart == 0 ? 0 : rows);  // each row has one of its own
    cases.push_back({rows, dimensions, one.at("perplexity"), one.at("cost"), std::vector<float>(rows * dimensions, 0)});
    for (std::size_t i = 0; i < rows; ++i) {
      float* row = &cases.back().values[i * dimensions];
      std::copy_n(&values[i * stored], stored, row);
      if (apart != 0) row[stored + i] = apart;
    }
  }
  return cases;
}

TEST(Tsne, comes_to_scikit_learns_cost_within_2_per_cent) {
  for (const Case& one : cases()) {
    const TsneMap map = tsne(one.features(), {.perplexity = one.perplexity});
    EXPECT_EQ(map.perplexity, one.perplexity);
    EXPECT_NEAR(map.cost / one.cost, 1, 0.02) << one.rows << " rows";
  }
}

TEST(Tsne, has_the_same_bits_again) {
  const Case one = cases().front();
  const TsneMap map = tsne(one.features(), {}), again = tsne(one.features(), {});
  EXPECT_EQ(map.points, again.points);
  EXPECT_EQ(map.cost, again.cost);
}

TEST(Tsne, comes_to_the_same_cost_in_whatever_order_the_rows_come) {
  const Case one = cases().back();
  Case reversed = one;
  for (std::size_t i = 0; i < one.rows; ++i)
    std::copy_n(&one.values[i * one.dimensions], one.dimensions, &reversed.values[(one.rows - 1 - i) * one.dimensions]);
  const double cost = tsne(one.features(), {.perplexity = one.perplexity}).cost;
  EXPECT_NEAR(tsne(reversed.features(), {.perplexity = one.perplexity}).cost / cost, 1, 0.01);
}

TEST(Tsne, takes_at_most_a_third_of_the_other_points_for_neighbours) {
  const Case one = cases().front();
  EXPECT_DOUBLE_EQ(tsne(one.features(), {.perplexity = 500, .iterations = 250}).perplexity, 199.0 / 3);
}

TEST(Tsne, draws_what_is_near_nearby) {
  const Case one = cases().back();  // points along an arc, in its order
  const TsneMap map = tsne(one.features(), {.perplexity = one.perplexity});
  std::size_t near = 0;
  for (std::size_t i = 0; i < one.rows; ++i) {
    std::size_t nearest = i;
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t j = 0; j < one.rows; ++j) {
      const double distance = std::hypot(map.points[i][0] - map.points[j][0], map.points[i][1] - map.points[j][1]);
      if (j != i && distance < least) least = distance, nearest = j;
    }
    near += (nearest > i ? nearest - i : i - nearest) <= 2 ? 1 : 0;
  }
  EXPECT_GE(near, one.rows - 2);
}

TEST(TsneParts, probabilities_are_a_joint_distribution_whose_rows_have_the_perplexity) {
  const Case one = cases().front();
  const auto squared = tsne_parts::squared_distances(one.features());
  const auto joint = tsne_parts::joint_probabilities(squared, one.rows, one.perplexity);
  double sum = 0;
  for (double probability : joint) sum += probability;
  EXPECT_NEAR(sum, 0.5, 1e-12);
  // A twin: the conditional probabilities of a row by bisection of the perplexity itself.
  const auto conditionals = [&](std::size_t i) {
    std::vector<double> its(one.rows, 0);
    double low = 1e-9, high = 1e3;
    for (int step = 0; step < 200; ++step) {
      const double beta = std::sqrt(low * high);
      double all = 0, entropy = 0;
      for (std::size_t j = 0; j < one.rows; ++j)
        all += its[j] =
            j == i ? 0 : std::exp(-beta * squared[j < i ? tsne_parts::place(i, j) : tsne_parts::place(j, i)]);
      for (double& p : its)
        if ((p /= all) > 0) entropy -= p * std::log(p);
      (std::exp(entropy) > one.perplexity ? low : high) = beta;
    }
    return its;
  };
  std::vector<std::vector<double>> twin;
  for (std::size_t i = 0; i < one.rows; ++i) twin.push_back(conditionals(i));
  for (std::size_t i = 1; i < one.rows; ++i)
    for (std::size_t j = 0; j < i; ++j)
      ASSERT_NEAR(joint[tsne_parts::place(i, j)], (twin[i][j] + twin[j][i]) / (2.0 * static_cast<double>(one.rows)),
                  1e-7)
          << i << ", " << j;
}

TEST(TsneParts, what_all_distances_have_in_common_changes_no_probability) {
  const Case one = cases().front();
  const auto squared = tsne_parts::squared_distances(one.features());
  const auto joint = tsne_parts::joint_probabilities(squared, one.rows, one.perplexity);
  for (const double common : {10.0, 100.0, 1e4, 1e6}) {
    auto far = squared;
    for (double& distance : far) distance += common;
    const auto of_far = tsne_parts::joint_probabilities(far, one.rows, one.perplexity);
    for (std::size_t at = 0; at < joint.size(); ++at)
      ASSERT_NEAR(of_far[at], joint[at], 1e-9) << "pair " << at << ", " << common;
  }
}

TEST(TsneParts, the_gradient_is_the_slope_of_the_cost) {
  const Case one = cases().front();
  const auto probabilities =
      tsne_parts::joint_probabilities(tsne_parts::squared_distances(one.features()), one.rows, 10);
  std::vector<std::array<double, 2>> points(one.rows), gradient(one.rows, {0, 0});
  for (std::size_t i = 0; i < one.rows; ++i)
    points[i] = {std::sin(static_cast<double>(i)), std::cos(2.5 * static_cast<double>(i))};
  tsne_parts::add_gradient(probabilities, points, gradient);
  constexpr double kStep = 1e-5;
  for (const auto& [point, axis] : {std::pair<std::size_t, std::size_t>{0, 0}, {17, 1}, {199, 0}}) {
    auto moved = points;
    moved[point][axis] += kStep;
    const double above = tsne_parts::cost_of(probabilities, moved);
    moved[point][axis] -= 2 * kStep;
    const double below = tsne_parts::cost_of(probabilities, moved);
    EXPECT_NEAR(gradient[point][axis], (above - below) / (2 * kStep), 1e-7);
  }
}

TEST(Tsne, makes_something_finite_of_few_equal_and_far_points) {
  for (const std::size_t rows : {0U, 1U, 3U, 4U, 5U, 9U})
    for (const float apart : {0.0F, 1e-20F, 1.0F, 1e18F}) {
      std::vector<float> values;
      for (std::size_t i = 0; i < rows; ++i) values.insert(values.end(), {apart * static_cast<float>(i % 4), 1});
      const TsneMap map = tsne({values, rows, 2}, {});
      ASSERT_EQ(map.points.size(), rows);
      EXPECT_TRUE(std::isfinite(map.cost)) << rows << " rows, " << apart;
      for (const auto& point : map.points)
        EXPECT_TRUE(std::isfinite(point[0]) && std::isfinite(point[1])) << rows << " rows, " << apart;
    }
}

}  // namespace
}  // namespace resolute::results::tsne_test
