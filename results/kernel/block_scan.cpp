#include "results/kernel/block_scan.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "results/kernel/distance.h"

namespace resolute::results::kernel {

void QueryState::start() {
  std::vector<std::size_t> order(matches.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](auto a, auto b) { return distances[a] < distances[b]; });
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
}

std::size_t QueryState::nearer_than(double distance) const {
  return static_cast<std::size_t>(std::ranges::lower_bound(distances, distance) - distances.begin());
}

void QueryState::finish(const Visit& visit) {
  std::partial_sum(wrong_from.begin(), wrong_from.end(), wrong_from.begin());
  visit({query, matches, std::span(wrong_from).first(matches.size()), positions});
  positions = {};
}

void QueryBlock::centre(const FeatureMatrix& query, std::span<const float> centre) {
  rows.resize(states.size() * depth);
  for (std::size_t i = 0; i < states.size(); ++i)
    squares.push_back(centre_row(query.values.data() + states[i].query * query.dimension, centre,
                                 std::span(rows).subspan(i * depth, depth)));
}

BlockScan::BlockScan(const FeatureMatrix& query, const QueryBlock& block, const Slice& slice,
                     const CentredSlice& centred, const Matching& matching, const Filter& filter, bool with_positions)
    : query_(query),
      block_(block),
      slice_(slice),
      centred_(centred),
      matching_(matching),
      filter_(filter),
      with_positions_(with_positions) {
  for (const double square : block.squares) bounds_.push_back(filter_.query(square));
}

void BlockScan::run(const Gemm& gemm, std::size_t gallery_block, Workspace& workspace) {
  const std::size_t width = std::min(gallery_block, slice_.rows);
  const std::size_t queries = block_.states.size();
  if (workspace.products.size() < queries * width) workspace.products.resize(queries * width);
  if (workspace.candidates.size() < width) workspace.candidates.resize(width);
  for (std::size_t first = 0; first < slice_.rows; first += width) {
    const std::size_t count = std::min(width, slice_.rows - first);
    gemm({block_.rows.data(), block_.depth, centred_.row(first), centred_.width, workspace.products.data(), width,
          queries, count, block_.depth});
    for (std::size_t i = 0; i < queries; ++i)
      scan(i, std::span(workspace.products).subspan(i * width, count), first, workspace.candidates);
  }
}

void BlockScan::scan(std::size_t i, std::span<const float> products, std::size_t first,
                     std::span<std::uint32_t> candidates) {
  QueryState& state = block_.states[i];
  // With positions every wrong match is wanted.
  const double farthest = with_positions_ ? std::numeric_limits<double>::infinity() : state.distances.back();
  const std::size_t count = filter_.within(bounds_[i], farthest, first, products, candidates);
  for (std::size_t c = 0; c < count; ++c) {
    const std::size_t in_slice = first + candidates[c], g = slice_.first + in_slice;
    if (matching_.is_wrong(state.query, g))
      state.place_wrong(g, position(i, in_slice, products[candidates[c]]));
    else
      check_product(i, in_slice, products[candidates[c]]);
  }
}

std::size_t BlockScan::position(std::size_t i, std::size_t in_slice, float product) const {
  const QueryState& state = block_.states[i];
  const Filter::Query& bounds = bounds_[i];
  double approximate = filter_.approximate(bounds, in_slice, product);
  double bound = filter_.bound(bounds, in_slice);
  if (!bounds.unbounded && std::isfinite(approximate)) {
    std::size_t nearer = state.nearer_than(approximate - bound);
    if (nearer == state.distances.size() || state.distances[nearer] > approximate + bound) return nearer;
  }
  return state.nearer_than(squared_distance(query_row(state), slice_.row(slice_.first + in_slice), block_.depth));
}

void BlockScan::check_product(std::size_t i, std::size_t in_slice, float product) const {
  const QueryState& state = block_.states[i];
  const Filter::Query& bounds = bounds_[i];
  const std::size_t g = slice_.first + in_slice;
  const auto found = std::ranges::lower_bound(state.known, g, {}, &std::pair<std::size_t, double>::first);
  if (bounds.unbounded || found == state.known.end() || found->first != g) return;
  check_known(filter_.approximate(bounds, in_slice, product), found->second, filter_.bound(bounds, in_slice));
}

}  // namespace resolute::results::kernel
