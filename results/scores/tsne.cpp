#include "results/scores/tsne.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace resolute::results {
namespace tsne_parts {
namespace {

constexpr double kLeast = std::numeric_limits<double>::epsilon();  // of a probability

// The Gaussian over one row's other points whose perplexity is e^entropy. `squared` and `to` leave the row itself out.
// The common part of all distances cancels out of the probabilities and is left out: in many dimensions it is so much
// that the exponentials would be nothing.
void search_gaussian(const std::vector<double>& squared, double entropy, std::vector<double>& to) {
  constexpr int kSteps = 100;
  constexpr double kTolerance = 1e-5, kInfinity = std::numeric_limits<double>::infinity();
  const double least = *std::ranges::min_element(squared);
  double beta = 1, low = -kInfinity, high = kInfinity;
  for (int step = 0; step < kSteps; ++step) {
    double sum = 0, mean = 0;  // the nearest point alone makes the sum 1
    for (std::size_t j = 0; j < squared.size(); ++j) sum += to[j] = std::exp((least - squared[j]) * beta);
    for (std::size_t j = 0; j < squared.size(); ++j) mean += (squared[j] - least) * (to[j] /= sum);
    const double excess = std::log(sum) + beta * mean - entropy;
    if (std::abs(excess) <= kTolerance) return;
    if (excess > 0) {
      low = beta;
      beta = high == kInfinity ? beta * 2 : (beta + high) / 2;
    } else {
      high = beta;
      beta = low == -kInfinity ? beta / 2 : (beta + low) / 2;
    }
  }
}

// Student's t of each pair; their sum.
double weigh(const std::vector<std::array<double, 2>>& points, Triangle& weights) {
  double sum = 0;
  for (std::size_t i = 1; i < points.size(); ++i) {
    double* w = &weights[place(i, 0)];
    const auto [x, y] = points[i];
    for (std::size_t j = 0; j < i; ++j)
      w[j] = 1 / (1 + (x - points[j][0]) * (x - points[j][0]) + (y - points[j][1]) * (y - points[j][1]));
    for (std::size_t j = 0; j < i; ++j) sum += w[j];
  }
  return sum;
}

}  // namespace

Triangle squared_distances(const FeatureMatrix& features) {
  Triangle squared;
  squared.reserve(features.rows * (features.rows - 1) / 2);
  for (std::size_t i = 1; i < features.rows; ++i)
    for (std::size_t j = 0; j < i; ++j) {
      double sum = 0;
      for (std::size_t d = 0; d < features.dimension; ++d) {
        const double difference = static_cast<double>(features.values[i * features.dimension + d]) -
                                  static_cast<double>(features.values[j * features.dimension + d]);
        sum += difference * difference;
      }
      squared.push_back(sum);
    }
  return squared;
}

Triangle joint_probabilities(const Triangle& squared, std::size_t rows, double perplexity) {
  Triangle joint(squared.size(), 0);
  std::vector<double> to_others(rows - 1), conditional(rows - 1);
  for (std::size_t i = 0; i < rows; ++i) {
    const auto at = [&](std::size_t j) { return j < i ? place(i, j) : place(j, i); };
    for (std::size_t j = 0, k = 0; j < rows; ++j)
      if (j != i) to_others[k++] = squared[at(j)];
    search_gaussian(to_others, std::log(perplexity), conditional);
    for (std::size_t j = 0, k = 0; j < rows; ++j)
      if (j != i) joint[at(j)] += conditional[k++];
  }
  double sum = 0;
  for (double probability : joint) sum += 2 * probability;
  for (double& probability : joint) probability = std::max(probability / std::max(sum, kLeast), kLeast);
  return joint;
}

double cost_of(const Triangle& probabilities, const std::vector<std::array<double, 2>>& points) {
  Triangle weights(probabilities.size());
  const double sum = weigh(points, weights);
  double cost = 0;
  for (std::size_t at = 0; at < weights.size(); ++at)
    cost += 2 * probabilities[at] * std::log(probabilities[at] / std::max(weights[at] / (2 * sum), kLeast));
  return cost;
}

void add_gradient(const Triangle& probabilities, const std::vector<std::array<double, 2>>& points,
                  std::vector<std::array<double, 2>>& gradient) {
  Triangle weights(probabilities.size());
  const double share = 1 / (2 * weigh(points, weights));
  for (std::size_t i = 1; i < points.size(); ++i) {
    const double *p = &probabilities[place(i, 0)], *w = &weights[place(i, 0)];
    const auto [x, y] = points[i];
    double sum_x = 0, sum_y = 0;
    for (std::size_t j = 0; j < i; ++j) {
      const double pull = 4 * (p[j] - std::max(w[j] * share, kLeast)) * w[j];
      const double by_x = pull * (x - points[j][0]), by_y = pull * (y - points[j][1]);
      sum_x += by_x;
      sum_y += by_y;
      gradient[j][0] -= by_x;
      gradient[j][1] -= by_y;
    }
    gradient[i][0] += sum_x;
    gradient[i][1] += sum_y;
  }
}

}  // namespace tsne_parts

namespace {

using Points = std::vector<std::array<double, 2>>;
using tsne_parts::Triangle;

// Inner products of the rows less their mean, from their distances (a double-centred matrix): rows × rows.
std::vector<double> centred_products(const Triangle& squared, std::size_t rows) {
  std::vector<double> products(rows * rows, 0), means(rows, 0);
  double mean = 0;
  for (std::size_t i = 1, at = 0; i < rows; ++i)
    for (std::size_t j = 0; j < i; ++j, ++at) {
      products[i * rows + j] = products[j * rows + i] = squared[at];
      means[i] += squared[at];
      means[j] += squared[at];
    }
  for (double& one : means) mean += one /= static_cast<double>(rows);
  mean /= static_cast<double>(rows);
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < rows; ++j)
      products[i * rows + j] = (means[i] + means[j] - mean - products[i * rows + j]) / 2;
  return products;
}

// The rows along the direction in which they differ most, across `before` where that is not null: power iteration.
std::vector<double> principal(const std::vector<double>& products, std::size_t rows,
                              const std::vector<double>* before) {
  constexpr int kSteps = 300;
  std::vector<double> vector(rows), next(rows);
  for (std::size_t i = 0; i < rows; ++i) vector[i] = std::cos(static_cast<double>(i + 1) * (before ? 2.0 : 1.0));
  double length = 0;
  for (int step = 0; step < kSteps; ++step) {
    if (before != nullptr) {
      double along = 0, square = 0;
      for (std::size_t i = 0; i < rows; ++i) along += vector[i] * (*before)[i], square += (*before)[i] * (*before)[i];
      for (std::size_t i = 0; square > 0 && i < rows; ++i) vector[i] -= along / square * (*before)[i];
    }
    length = 0;
    for (std::size_t i = 0; i < rows; ++i) {
      next[i] = 0;
      for (std::size_t j = 0; j < rows; ++j) next[i] += products[i * rows + j] * vector[j];
      length += next[i] * next[i];
    }
    length = std::sqrt(length);
    if (!(length > 0)) return std::vector<double>(rows, 0);
    for (std::size_t i = 0; i < rows; ++i) vector[i] = next[i] / length;
  }
  for (double& value : vector) value *= std::sqrt(length);  // the eigenvalue is the sum of squares along the direction
  return vector;
}

// Principal components, so small that the first has a standard deviation of 1e-4. The row that is farthest
// along a component is on its positive side: a direction has no sign of its own.
Points first_map(const Triangle& squared, std::size_t rows) {
  const std::vector<double> products = centred_products(squared, rows);
  std::vector<double> axes[2];
  axes[0] = principal(products, rows, nullptr);
  axes[1] = principal(products, rows, &axes[0]);
  double square = 0;
  for (double value : axes[0]) square += value * value;
  const double scale = 1e-4 / std::sqrt(square / static_cast<double>(rows));
  Points points(rows);
  for (std::size_t axis : {0U, 1U}) {
    const auto largest =
        std::ranges::max_element(axes[axis], [](double a, double b) { return std::abs(a) < std::abs(b); });
    for (std::size_t i = 0; i < rows; ++i) points[i][axis] = std::copysign(scale, *largest) * axes[axis][i];
  }
  return points;
}

// Gradient descent with momentum and gains (section 3.4; Jacobs, 1988), steps first to last - 1.
double descend(const Triangle& probabilities, Points& points, int first, int last, double momentum, double rate) {
  constexpr int kCheckEvery = 50, kPatience = 300;
  constexpr double kLeastGain = 0.01, kLeastSlope = 1e-7;
  Points update(points.size(), {0, 0}), gains(points.size(), {1, 1}), gradient(points.size());
  double cost = 0, best = std::numeric_limits<double>::infinity();
  for (int step = first, best_step = first; step < last; ++step) {
    std::ranges::fill(gradient, std::array<double, 2>{0, 0});
    const bool check = (step + 1) % kCheckEvery == 0 || step + 1 == last;
    if (check) cost = tsne_parts::cost_of(probabilities, points);
    tsne_parts::add_gradient(probabilities, points, gradient);
    double slope = 0;
    for (std::size_t i = 0; i < points.size(); ++i)
      for (std::size_t axis : {0U, 1U}) {
        double& gain = gains[i][axis];
        gain = std::max(update[i][axis] * gradient[i][axis] < 0 ? gain + 0.2 : gain * 0.8, kLeastGain);
        const double scaled = gradient[i][axis] * gain;
        slope += scaled * scaled;
        update[i][axis] = momentum * update[i][axis] - rate * scaled;
        points[i][axis] += update[i][axis];
      }
    if (!check) continue;
    if (cost < best) {
      best = cost;
      best_step = step;
    } else if (step - best_step > kPatience) {
      break;
    }
    if (std::sqrt(slope) <= kLeastSlope) break;
  }
  return cost;
}

}  // namespace

TsneMap tsne(const FeatureMatrix& features, const TsneOptions& options) {
  constexpr std::size_t kLeastRows = 4;
  constexpr double kExaggeration = 12;
  constexpr int kExaggerated = 250;
  TsneMap map{Points(features.rows, {0, 0})};
  if (features.rows < kLeastRows) return map;
  const auto count = static_cast<double>(features.rows);
  map.perplexity = std::min(options.perplexity, (count - 1) / 3);
  const Triangle squared = tsne_parts::squared_distances(features);
  if (std::ranges::all_of(squared, [](double value) { return value == 0; })) return map;
  Triangle probabilities = tsne_parts::joint_probabilities(squared, features.rows, map.perplexity);
  map.points = first_map(squared, features.rows);
  const double rate = std::max(count / kExaggeration / 4, 50.0);
  for (double& probability : probabilities) probability *= kExaggeration;
  descend(probabilities, map.points, 0, kExaggerated, 0.5, rate);
  for (double& probability : probabilities) probability /= kExaggeration;
  map.cost =
      descend(probabilities, map.points, kExaggerated, std::max(options.iterations, kExaggerated + 1), 0.8, rate);
  return map;
}

}  // namespace resolute::results
