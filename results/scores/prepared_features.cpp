#include "results/scores/prepared_features.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/process/side_by_side.h"
#include "results/kernel/neighbours.h"
#include "results/scores/branched_distance.h"
#include "results/scores/ranking.h"

namespace resolute::results {
namespace {

struct Weighted {
  std::size_t image = 0;
  double weight = 0;
};

// Those at most as far as the n-th nearest, but not those whose cosine is below 0. \param row distances of one query
std::vector<Weighted> neighbours_of(std::span<const double> row, std::size_t query, const QueryExpansion& options) {
  std::vector<Weighted> found;
  const auto of = [&] { return fmt::format("query {}", query); };
  for (std::size_t image : kernel::nearest(row, static_cast<std::size_t>(options.neighbours), of, options.neighbours)) {
    const double cosine = 1 - row[image] * row[image] / 2;
    if (cosine > 0) found.push_back({image, std::pow(cosine, options.alpha)});
  }
  return found;
}

// \param to holds the query, and then the sum at unit length
void add_neighbours(std::span<const Weighted> neighbours, const FeatureMatrix& gallery, std::span<float> to) {
  std::vector<double> terms(neighbours.size() + 1), sums(to.size());
  double squares = 0;
  for (std::size_t d = 0; d < to.size(); ++d) {
    terms.back() = static_cast<double>(to[d]);
    for (std::size_t i = 0; i < neighbours.size(); ++i)
      terms[i] =
          neighbours[i].weight * static_cast<double>(gallery.values[neighbours[i].image * gallery.dimension + d]);
    sums[d] = order_free_sum(terms);
    squares += sums[d] * sums[d];
  }
  const double length = std::sqrt(squares);  // above 0: no neighbour points away from the query
  for (std::size_t d = 0; d < to.size(); ++d) to[d] = static_cast<float>(sums[d] / length);
}

}  // namespace

void make_unit_length(std::span<float> features, std::size_t dimension, std::string_view side, std::size_t first) {
  for (std::size_t begin = 0; begin < features.size(); begin += dimension) {
    const std::span<float> row = features.subspan(begin, dimension);
    double squares = 0;
    for (float value : row) squares += static_cast<double>(value) * static_cast<double>(value);
    const double length = std::sqrt(squares);
    if (length == 0)
      throw core::input_error(fmt::format("{} feature {} has length 0", side, first + begin / dimension),
                              "it has no direction", "compare by Euclidean distances");
    for (float& value : row) value = static_cast<float>(static_cast<double>(value) / length);
  }
}

namespace {

FeatureMatrix rows(const FeatureMatrix& matrix, std::size_t first, std::size_t count) {
  return {matrix.values.subspan(first * matrix.dimension, count * matrix.dimension), count, matrix.dimension};
}

void fill_distances(const FeatureMatrix& query, const FeatureMatrix& gallery, std::span<double> to,
                    const WorkOptions& work) {
  const DistanceBranch branch{query, gallery, {}, {}};
  branched_distances(std::span(&branch, 1), to, work);
}

}  // namespace

kernel::DistanceRows euclidean_rows(const FeatureMatrix& query, const FeatureMatrix& gallery) {
  return [query, gallery](std::size_t first, std::size_t count, const Matching& matching, std::span<double> to) {
    kernel::check_features(matching, query.rows, gallery.rows);
    fill_distances(rows(query, first, count), gallery, to, {});
  };
}

std::vector<float> expanded_queries(const FeatureMatrix& query, const FeatureMatrix& gallery,
                                    const QueryExpansion& options, const WorkOptions& work) {
  if (options.neighbours < 1)
    throw core::input_error(fmt::format("queries are expanded by {} gallery images", options.neighbours),
                            "at least 1 is needed");
  if (!(options.alpha >= 0 && std::isfinite(options.alpha)))
    throw core::input_error(fmt::format("queries are expanded with alpha = {}", options.alpha), "0 or more is needed");
  std::vector<float> expanded(query.values.begin(), query.values.end());
  if (query.rows == 0 || gallery.rows == 0) return expanded;
  // A block of queries at a time: distances to all of a large gallery would not fit.
  for (std::size_t first = 0; first < query.rows; first += work.query_block) {
    const std::size_t count = std::min(work.query_block, query.rows - first);
    std::vector<double> distances(count * gallery.rows);
    fill_distances(rows(query, first, count), gallery, distances, work);
    core::side_by_side(count, static_cast<std::size_t>(work.threads), [&](std::size_t q) {
      const std::span<const double> row = std::span(distances).subspan(q * gallery.rows, gallery.rows);
      add_neighbours(neighbours_of(row, first + q, options), gallery,
                     std::span(expanded).subspan((first + q) * query.dimension, query.dimension));
    });
  }
  return expanded;
}

}  // namespace resolute::results
