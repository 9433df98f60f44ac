#include "results/kernel/positions.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "core/error.h"
#include "core/process/side_by_side.h"
#include "results/kernel/distance.h"
#include "results/kernel/filter.h"

namespace resolute::results::kernel {
namespace {

//! One query on its way through the gallery.
struct QueryState {
  std::size_t query = 0;
  std::vector<std::size_t> matches;                   // nearest first
  std::vector<double> distances;                      // of the matches, ascending
  std::vector<std::pair<std::size_t, double>> known;  // the matches again, by gallery index
  std::vector<std::uint64_t> wrong_from;              // [matches + 1] wrong matches whose position is this index
  std::vector<std::uint32_t> positions;               // [gallery] or empty

  //! Sorts the matches (ascending by index, `distances` in that order) by distance and clears the counts.
  void start(std::size_t gallery, bool with_positions) {
    std::vector<std::size_t> order(matches.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return distances[a] < distances[b]; });
    known.clear();
    for (std::size_t i = 0; i < matches.size(); ++i) known.emplace_back(matches[i], distances[i]);
    std::vector<std::size_t> sorted_matches;
    std::vector<double> sorted_distances;
    for (std::size_t i : order) {
      sorted_matches.push_back(matches[i]);
      sorted_distances.push_back(distances[i]);
    }
    matches = std::move(sorted_matches);
    distances = std::move(sorted_distances);
    wrong_from.assign(matches.size() + 1, 0);
    if (with_positions)
      positions.assign(gallery, kNotWrong);
    else
      positions.clear();
  }

  //! Number of matches nearer than `distance`.
  std::size_t nearer_than(double distance) const {
    return static_cast<std::size_t>(std::lower_bound(distances.begin(), distances.end(), distance) - distances.begin());
  }

  void place_wrong(std::size_t gallery, std::size_t position) {
    ++wrong_from[position];
    if (!positions.empty()) positions[gallery] = static_cast<std::uint32_t>(position);
  }

  void finish(const Visit& visit) {
    std::partial_sum(wrong_from.begin(), wrong_from.end(), wrong_from.begin());
    visit({query, matches, std::span(wrong_from).first(matches.size()), positions});
  }
};

void check_matrix(const FeatureMatrix& matrix, std::size_t labels, const char* side) {
  if (matrix.rows != labels)
    throw core::input_error(fmt::format("the {} has {} features and {} identities", side, matrix.rows, labels),
                            "one of each an image is needed");
  if (matrix.values.size() != matrix.rows * matrix.dimension)
    throw core::input_error(fmt::format("the {} has {} feature values", side, matrix.values.size()),
                            fmt::format("{} rows of {} are needed", matrix.rows, matrix.dimension));
  for (std::size_t i = 0; i < matrix.values.size(); ++i)
    if (!std::isfinite(matrix.values[i]))
      throw core::input_error(fmt::format("value {} of {} feature {} is {}", i % matrix.dimension, side,
                                          i / matrix.dimension, matrix.values[i]),
                              "distances must be finite");
}

void check_prefix(std::span<const std::int64_t> prefix, std::size_t queries, std::size_t dimension) {
  if (prefix.empty()) return;
  if (prefix.size() != queries)
    throw core::input_error(fmt::format("there are {} prefix lengths and {} queries", prefix.size(), queries),
                            "one a query is needed");
  for (std::size_t q = 0; q < queries; ++q)
    if (prefix[q] < 1 || static_cast<std::uint64_t>(prefix[q]) > dimension)
      throw core::input_error(fmt::format("prefix {} of query {} is out of range", prefix[q], q),
                              fmt::format("features have {} dimensions", dimension));
}

void check_work(const WorkOptions& work) {
  RESOLUTE_EXPECT(work.threads >= 1 && work.query_block >= 1 && work.gallery_block >= 1, "work options out of range");
}

//! A block of queries that compare the same number of dimensions.
class BlockRanking {
 public:
  BlockRanking(const FeatureMatrix& query, const FeatureMatrix& gallery, const Matching& matching, const Filter& filter,
               std::size_t depth, bool with_positions)
      : query_(query),
        gallery_(gallery),
        matching_(matching),
        filter_(filter),
        depth_(depth),
        with_positions_(with_positions) {}

  void run(std::span<const std::size_t> queries, const Gemm& gemm, std::size_t gallery_block, const Visit& visit) {
    gather(queries);
    if (states_.empty()) return;
    std::size_t width = std::min(gallery_block, gallery_.rows);
    products_.resize(states_.size() * width);
    centred_.resize(width * depth_);
    candidates_.resize(width);
    for (std::size_t first = 0; first < gallery_.rows; first += width) {
      std::size_t count = std::min(width, gallery_.rows - first);
      for (std::size_t j = 0; j < count; ++j)
        filter_.centre(gallery_.values.data() + (first + j) * gallery_.dimension, centred_.data() + j * depth_);
      gemm({rows_.data(), depth_, centred_.data(), depth_, products_.data(), width, states_.size(), count, depth_});
      for (std::size_t i = 0; i < states_.size(); ++i) scan(i, std::span(products_).subspan(i * width, count), first);
    }
    for (QueryState& state : states_) state.finish(visit);
  }

 private:
  //! Keeps the queries that have a match, their rows side by side, and computes their matches' distances.
  void gather(std::span<const std::size_t> queries) {
    for (std::size_t q : queries) {
      QueryState state;
      state.query = q;
      matching_.matches_of(q, state.matches);
      if (state.matches.empty()) continue;
      const float* row = query_.values.data() + q * query_.dimension;
      for (std::size_t g : state.matches) state.distances.push_back(exact(row, g));
      state.start(gallery_.rows, with_positions_);
      rows_.resize(rows_.size() + depth_);
      std::span<float> centred = std::span(rows_).last(depth_);
      filter_.centre(row, centred.data());
      bounds_.push_back(filter_.query(centred));
      states_.push_back(std::move(state));
    }
  }

  double exact(const float* row, std::size_t g) const {
    return squared_distance(row, gallery_.values.data() + g * gallery_.dimension, depth_);
  }

  //! Counts the wrong matches among gallery images first, first + 1, … by their products with query i.
  void scan(std::size_t i, std::span<const float> products, std::size_t first) {
    QueryState& state = states_[i];
    const Filter::Query& bounds = bounds_[i];
    double farthest = state.distances.back();
    std::size_t candidates = 0;
    for (std::size_t j = 0; j < products.size(); ++j) {
      double least = filter_.approximate(bounds, first + j, products[j]) - filter_.bound(bounds, first + j);
      candidates_[candidates] = static_cast<std::uint32_t>(j);
      // Written so that NaN stays in. With positions every wrong match is wanted.
      candidates += static_cast<std::size_t>(with_positions_ || bounds.unbounded || !(least > farthest));
    }
    for (std::size_t c = 0; c < candidates; ++c) {
      std::size_t g = first + candidates_[c];
      if (matching_.is_wrong(state.query, g))
        state.place_wrong(g, position(i, g, products[candidates_[c]]));
      else
        check_product(i, g, products[candidates_[c]]);
    }
  }

  std::size_t position(std::size_t i, std::size_t g, float product) const {
    const QueryState& state = states_[i];
    const Filter::Query& bounds = bounds_[i];
    double approximate = filter_.approximate(bounds, g, product);
    double bound = filter_.bound(bounds, g);
    if (!bounds.unbounded && std::isfinite(approximate)) {
      std::size_t nearer = state.nearer_than(approximate - bound);
      if (nearer == state.distances.size() || state.distances[nearer] > approximate + bound) return nearer;
    }
    return state.nearer_than(exact(query_.values.data() + state.query * query_.dimension, g));
  }

  //! A true match's distance is known: a product that is off by more than float32 can be is caught here.
  void check_product(std::size_t i, std::size_t g, float product) const {
    const QueryState& state = states_[i];
    const Filter::Query& bounds = bounds_[i];
    auto found = std::lower_bound(state.known.begin(), state.known.end(), g,
                                  [](const auto& match, std::size_t index) { return match.first < index; });
    if (bounds.unbounded || found == state.known.end() || found->first != g) return;
    double approximate = filter_.approximate(bounds, g, product);
    if (std::abs(approximate - found->second) <= filter_.bound(bounds, g)) return;
    throw core::RuntimeError(
        core::ErrorKind::kEnvironment,
        fmt::format("a matrix product gives {} for a squared distance of {}", approximate, found->second),
        fmt::format("float32 rounding explains {} at most", filter_.bound(bounds, g)),
        "turn off TF32 and reduced-precision matrix products");
  }

  const FeatureMatrix& query_;
  const FeatureMatrix& gallery_;
  const Matching& matching_;
  const Filter& filter_;
  std::size_t depth_;
  bool with_positions_;
  std::vector<QueryState> states_;
  std::vector<Filter::Query> bounds_;
  std::vector<float> rows_;                // states × depth, centred
  std::vector<float> centred_;             // gallery block × depth
  std::vector<float> products_;            // states × gallery block
  std::vector<std::uint32_t> candidates_;  // within a gallery block
};

//! Queries that compare the same number of dimensions.
struct DepthGroup {
  std::size_t depth;
  std::vector<std::size_t> queries;
};

struct QueryBlock {
  std::size_t group;  // index
  std::span<const std::size_t> queries;
};

//! Blocks of about equal size of each group, at most `most` queries each; the longest products first, so that no thread
//! waits long for the last block.
std::vector<QueryBlock> cut(std::span<const DepthGroup> groups, std::size_t most) {
  std::vector<QueryBlock> blocks;
  for (std::size_t group = groups.size(); group-- > 0;) {
    const std::span<const std::size_t> all(groups[group].queries);
    const std::size_t count = (all.size() + most - 1) / most;
    for (std::size_t block = 0; block < count; ++block) {
      const std::size_t from = all.size() * block / count;
      blocks.push_back({group, all.subspan(from, all.size() * (block + 1) / count - from)});
    }
  }
  return blocks;
}

}  // namespace

void visit_positions(const FeatureMatrix& query, const FeatureMatrix& gallery, std::span<const std::int64_t> prefix,
                     const Matching& matching, const Gemm& gemm, const WorkOptions& work, bool with_positions,
                     const Visit& visit) {
  check_work(work);
  check_matrix(query, matching.queries(), "query");
  check_matrix(gallery, matching.gallery(), "gallery");
  check_prefix(prefix, query.rows, query.dimension);
  if (query.rows == 0 || gallery.rows == 0) return;
  if (query.dimension != gallery.dimension)
    throw core::input_error(
        fmt::format("query features have {} dimensions and gallery features {}", query.dimension, gallery.dimension),
        "they must be of one network");
  if (query.dimension == 0) throw core::input_error("features have no dimension");

  std::map<std::size_t, std::vector<std::size_t>> by_depth;
  for (std::size_t q = 0; q < query.rows; ++q)
    by_depth[prefix.empty() ? query.dimension : static_cast<std::size_t>(prefix[q])].push_back(q);
  std::vector<DepthGroup> groups;
  for (auto& [depth, queries] : by_depth) groups.push_back({depth, std::move(queries)});
  // A file may have as many depths as queries: their filters are not all held at once.
  constexpr std::size_t kGroupsAtOnce = 16;
  for (std::size_t first = 0; first < groups.size(); first += kGroupsAtOnce) {
    const auto some = std::span(groups).subspan(first, std::min(kGroupsAtOnce, groups.size() - first));
    const std::vector<QueryBlock> blocks = cut(some, work.query_block);
    std::vector<std::size_t> depths;
    for (const DepthGroup& group : some) depths.push_back(group.depth);
    const std::vector<Filter> filters = Filter::of_depths(gallery, depths);
    core::side_by_side(blocks.size(), static_cast<std::size_t>(work.threads), [&](std::size_t i) {
      const QueryBlock& block = blocks[i];
      BlockRanking ranking(query, gallery, matching, filters[block.group], depths[block.group], with_positions);
      ranking.run(block.queries, gemm, work.gallery_block, visit);
    });
  }
}

namespace {

template <class Distance>
void visit_given(std::span<const Distance> distances, const Matching& matching, const WorkOptions& work,
                 bool with_positions, const Visit& visit) {
  check_work(work);
  std::size_t gallery = matching.gallery();
  if (distances.size() != matching.queries() * gallery)
    throw core::input_error(fmt::format("there are {} distances", distances.size()),
                            fmt::format("{} queries and {} gallery images need {}", matching.queries(), gallery,
                                        matching.queries() * gallery));
  for (std::size_t i = 0; i < distances.size(); ++i)
    if (!std::isfinite(distances[i]))
      throw core::input_error(
          fmt::format("the distance of query {} to gallery image {} is {}", i / gallery, i % gallery, distances[i]),
          "distances must be finite");
  core::side_by_side(matching.queries(), static_cast<std::size_t>(work.threads), [&](std::size_t q) {
    QueryState state;
    state.query = q;
    matching.matches_of(q, state.matches);
    if (state.matches.empty()) return;
    const std::span<const Distance> row = distances.subspan(q * gallery, gallery);
    for (std::size_t g : state.matches) state.distances.push_back(static_cast<double>(row[g]));
    state.start(gallery, with_positions);
    for (std::size_t g = 0; g < gallery; ++g)
      if (matching.is_wrong(q, g)) state.place_wrong(g, state.nearer_than(static_cast<double>(row[g])));
    state.finish(visit);
  });
}

}  // namespace

void visit_positions(std::span<const float> distances, const Matching& matching, const WorkOptions& work,
                     bool with_positions, const Visit& visit) {
  visit_given(distances, matching, work, with_positions, visit);
}

void visit_positions(std::span<const double> distances, const Matching& matching, const WorkOptions& work,
                     bool with_positions, const Visit& visit) {
  visit_given(distances, matching, work, with_positions, visit);
}

}  // namespace resolute::results::kernel
