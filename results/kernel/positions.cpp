#include "results/kernel/positions.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <numeric>
#include <utility>

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
  void start() {
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
    positions = {};
  }
};

void check_rows(std::size_t rows, std::size_t labels, const char* side) {
  if (rows != labels)
    throw core::input_error(fmt::format("the {} has {} features and {} identities", side, rows, labels),
                            "one of each an image is needed");
}

void check_size(const FeatureMatrix& matrix, const char* side) {
  if (matrix.values.size() != matrix.rows * matrix.dimension)
    throw core::input_error(fmt::format("the {} has {} feature values", side, matrix.values.size()),
                            fmt::format("{} rows of {} are needed", matrix.rows, matrix.dimension));
}

//! Rows first, first + 1, … of a side.
void check_values(std::span<const float> values, std::size_t first, std::size_t dimension, const char* side) {
  if (all_finite(values)) return;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!std::isfinite(values[i]))
      throw core::input_error(
          fmt::format("value {} of {} feature {} is {}", i % dimension, side, first + i / dimension, values[i]),
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

//! Gallery images first, first + 1, … of the whole, which are in memory.
struct Slice {
  std::span<const float> values;
  std::size_t first = 0, rows = 0, dimension = 0;
  const float* row(std::size_t g) const { return values.data() + (g - first) * dimension; }
  FeatureMatrix matrix() const { return {values, rows, dimension}; }
};

//! A slice's rows less about their mean; see Filter::of_depths().
struct CentredSlice {
  std::vector<float> values;  // rows × width
  std::size_t width = 0;
  const float* row(std::size_t in_slice) const { return values.data() + in_slice * width; }
};

//! A block of queries that compare the same number of dimensions, on its way through one slice of the gallery.
class BlockScan {
 public:
  BlockScan(const FeatureMatrix& query, const Slice& slice, const CentredSlice& centred, const Matching& matching,
            const Filter& filter, std::size_t depth, bool with_positions, std::span<QueryState> states)
      : query_(query),
        slice_(slice),
        centred_(centred),
        matching_(matching),
        filter_(filter),
        depth_(depth),
        with_positions_(with_positions),
        states_(states),
        rows_(states.size() * depth) {
    for (std::size_t i = 0; i < states.size(); ++i) {
      const std::span<float> row = std::span(rows_).subspan(i * depth, depth);
      filter_.centre(query_row(states[i]), row.data());
      bounds_.push_back(filter_.query(row));
    }
  }

  //! \param products, candidates what it works in
  void run(const Gemm& gemm, std::size_t gallery_block, std::vector<float>& products,
           std::vector<std::uint32_t>& candidates) {
    const std::size_t width = std::min(gallery_block, slice_.rows);
    if (products.size() < states_.size() * width) products.resize(states_.size() * width);
    if (candidates.size() < width) candidates.resize(width);
    for (std::size_t first = 0; first < slice_.rows; first += width) {
      const std::size_t count = std::min(width, slice_.rows - first);
      gemm({rows_.data(), depth_, centred_.row(first), centred_.width, products.data(), width, states_.size(), count,
            depth_});
      for (std::size_t i = 0; i < states_.size(); ++i)
        scan(i, std::span(products).subspan(i * width, count), first, candidates);
    }
  }

 private:
  const float* query_row(const QueryState& state) const {
    return query_.values.data() + state.query * query_.dimension;
  }

  //! Counts the wrong matches among the slice's images first, first + 1, … by their products with query i.
  void scan(std::size_t i, std::span<const float> products, std::size_t first, std::vector<std::uint32_t>& candidates) {
    QueryState& state = states_[i];
    const Filter::Query& bounds = bounds_[i];
    double farthest = state.distances.back();
    std::size_t count = 0;
    for (std::size_t j = 0; j < products.size(); ++j) {
      double least = filter_.approximate(bounds, first + j, products[j]) - filter_.bound(bounds, first + j);
      candidates[count] = static_cast<std::uint32_t>(j);
      // Written so that NaN stays in. With positions every wrong match is wanted.
      count += static_cast<std::size_t>(with_positions_ || bounds.unbounded || !(least > farthest));
    }
    for (std::size_t c = 0; c < count; ++c) {
      const std::size_t in_slice = first + candidates[c], g = slice_.first + in_slice;
      if (matching_.is_wrong(state.query, g))
        state.place_wrong(g, position(i, in_slice, products[candidates[c]]));
      else
        check_product(i, in_slice, products[candidates[c]]);
    }
  }

  std::size_t position(std::size_t i, std::size_t in_slice, float product) const {
    const QueryState& state = states_[i];
    const Filter::Query& bounds = bounds_[i];
    double approximate = filter_.approximate(bounds, in_slice, product);
    double bound = filter_.bound(bounds, in_slice);
    if (!bounds.unbounded && std::isfinite(approximate)) {
      std::size_t nearer = state.nearer_than(approximate - bound);
      if (nearer == state.distances.size() || state.distances[nearer] > approximate + bound) return nearer;
    }
    return state.nearer_than(squared_distance(query_row(state), slice_.row(slice_.first + in_slice), depth_));
  }

  //! A true match's distance is known: a product that is off by more than float32 can be is caught here.
  void check_product(std::size_t i, std::size_t in_slice, float product) const {
    const QueryState& state = states_[i];
    const Filter::Query& bounds = bounds_[i];
    const std::size_t g = slice_.first + in_slice;
    auto found = std::lower_bound(state.known.begin(), state.known.end(), g,
                                  [](const auto& match, std::size_t index) { return match.first < index; });
    if (bounds.unbounded || found == state.known.end() || found->first != g) return;
    double approximate = filter_.approximate(bounds, in_slice, product);
    if (std::abs(approximate - found->second) <= filter_.bound(bounds, in_slice)) return;
    throw core::RuntimeError(
        core::ErrorKind::kEnvironment,
        fmt::format("a matrix product gives {} for a squared distance of {}", approximate, found->second),
        fmt::format("float32 rounding explains {} at most", filter_.bound(bounds, in_slice)),
        "turn off TF32 and reduced-precision matrix products");
  }

  const FeatureMatrix& query_;
  const Slice& slice_;
  const CentredSlice& centred_;
  const Matching& matching_;
  const Filter& filter_;
  std::size_t depth_;
  bool with_positions_;
  std::span<QueryState> states_;
  std::vector<Filter::Query> bounds_;
  std::vector<float> rows_;  // states × depth, centred
};

//! What a thread scans a block in: kept from slice to slice, or the kernel would clear new pages for each.
class Workspaces {
 public:
  struct Workspace {
    std::vector<float> products;            // states × gallery block
    std::vector<std::uint32_t> candidates;  // within a gallery block
  };
  Workspace take() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return {};
    Workspace last = std::move(free_.back());
    free_.pop_back();
    return last;
  }
  void give(Workspace workspace) {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(workspace));
  }

 private:
  std::mutex mutex_;
  std::vector<Workspace> free_;
};

//! Queries that compare the same number of dimensions, and how many.
struct DepthGroup {
  std::size_t depth;
  std::span<QueryState> states;
};

struct QueryBlock {
  std::size_t group;  // index
  std::span<QueryState> states;
};

//! Blocks of about equal size of each group, as many as threads share evenly; the longest products first, so that no
//! thread waits long for the last block.
std::vector<QueryBlock> cut(std::span<const DepthGroup> groups, const WorkOptions& work) {
  const std::size_t share = (static_cast<std::size_t>(work.threads) + groups.size() - 1) / groups.size();
  std::vector<QueryBlock> blocks;
  for (std::size_t group = groups.size(); group-- > 0;) {
    const std::span<QueryState> all = groups[group].states;
    const std::size_t fewest = (all.size() + work.query_block - 1) / work.query_block;
    const std::size_t count = std::min(all.size(), (fewest + share - 1) / share * share);
    for (std::size_t block = 0; block < count; ++block) {
      const std::size_t from = all.size() * block / count;
      blocks.push_back({group, all.subspan(from, all.size() * (block + 1) / count - from)});
    }
  }
  return blocks;
}

//! Queries through a gallery that is read slice by slice.
class SlicedRanking {
 public:
  SlicedRanking(const FeatureMatrix& query, const GallerySource& gallery, std::span<const std::int64_t> prefix,
                const Matching& matching, const Gemm& gemm, const WorkOptions& work, bool with_positions)
      : query_(query),
        gallery_(gallery),
        prefix_(prefix),
        matching_(matching),
        gemm_(gemm),
        work_(work),
        with_positions_(with_positions) {}

  void run(const Visit& visit) {
    gather();
    measure_matches();
    // A file may have as many depths as queries: their filters are not all held at once.
    constexpr std::size_t kGroupsAtOnce = 16;
    for (std::size_t first = 0; first < groups_.size(); first += kGroupsAtOnce)
      run(std::span(groups_).subspan(first, std::min(kGroupsAtOnce, groups_.size() - first)), visit);
  }

 private:
  std::size_t depth_of(std::size_t query) const {
    return prefix_.empty() ? query_.dimension : static_cast<std::size_t>(prefix_[query]);
  }

  // The queries that have a match, by the number of dimensions that they compare.
  void gather() {
    std::map<std::size_t, std::vector<std::size_t>> by_depth;
    for (std::size_t q = 0; q < query_.rows; ++q) by_depth[depth_of(q)].push_back(q);
    std::vector<std::pair<std::size_t, std::size_t>> sizes;  // depth, queries with a match
    for (const auto& [depth, queries] : by_depth) {
      const std::size_t before = states_.size();
      for (std::size_t q : queries) {
        QueryState state;
        state.query = q;
        matching_.matches_of(q, state.matches);
        if (state.matches.empty()) continue;
        state.distances.resize(state.matches.size());
        states_.push_back(std::move(state));
      }
      if (states_.size() > before) sizes.emplace_back(depth, states_.size() - before);
    }
    std::size_t begin = 0;
    for (const auto& [depth, count] : sizes) {
      groups_.push_back({depth, std::span(states_).subspan(begin, count)});
      begin += count;
    }
  }

  Slice read(std::size_t first) const {
    const std::size_t rows = std::min(gallery_.most_rows, gallery_.rows - first);
    return {gallery_.read(first, rows), first, rows, gallery_.dimension};
  }

  // Exact, and that every value is finite.
  void measure_matches() {
    std::vector<std::size_t> next(states_.size(), 0);  // of each state, the first match that was not reached yet
    constexpr std::size_t kTogether = 16;
    for (std::size_t first = 0; first < gallery_.rows; first += gallery_.most_rows) {
      const Slice slice = read(first);
      check_values(slice.values, first, slice.dimension, "gallery");
      core::side_by_side((states_.size() + kTogether - 1) / kTogether, static_cast<std::size_t>(work_.threads),
                         [&](std::size_t piece) {
                           const std::size_t end = std::min(states_.size(), (piece + 1) * kTogether);
                           for (std::size_t i = piece * kTogether; i < end; ++i) measure(states_[i], slice, next[i]);
                         });
    }
    for (QueryState& state : states_) state.start();
  }

  void measure(QueryState& state, const Slice& slice, std::size_t& next) const {
    const float* row = query_.values.data() + state.query * query_.dimension;
    const std::size_t depth = depth_of(state.query);
    for (; next < state.matches.size() && state.matches[next] < slice.first + slice.rows; ++next)
      state.distances[next] = squared_distance(row, slice.row(state.matches[next]), depth);
  }

  void run(std::span<const DepthGroup> groups, const Visit& visit) {
    const std::vector<QueryBlock> blocks = cut(groups, work_);
    std::vector<std::size_t> depths;
    for (const DepthGroup& group : groups) depths.push_back(group.depth);
    // A number an image of the gallery and query: of few queries at a time.
    const std::size_t together = with_positions_ ? static_cast<std::size_t>(work_.threads) : blocks.size();
    CentredSlice centred{{}, depths.back()};
    for (std::size_t first = 0; first < blocks.size(); first += together) {
      const auto some = std::span(blocks).subspan(first, std::min(together, blocks.size() - first));
      if (with_positions_)
        each_state(some, [&](QueryState& state) { state.positions.assign(gallery_.rows, kNotWrong); });
      for (std::size_t image = 0; image < gallery_.rows; image += gallery_.most_rows) {
        const Slice slice = read(image);
        centred.values.resize(slice.rows * centred.width);
        const std::vector<Filter> filters = Filter::of_depths(slice.matrix(), depths, centred.values, work_.threads);
        core::side_by_side(some.size(), static_cast<std::size_t>(work_.threads), [&](std::size_t i) {
          BlockScan scan(query_, slice, centred, matching_, filters[some[i].group], depths[some[i].group],
                         with_positions_, some[i].states);
          Workspaces::Workspace own = workspaces_.take();
          scan.run(gemm_, work_.gallery_block, own.products, own.candidates);
          workspaces_.give(std::move(own));
        });
      }
      each_state(some, [&](QueryState& state) { state.finish(visit); });
    }
  }

  void each_state(std::span<const QueryBlock> blocks, const std::function<void(QueryState&)>& work) const {
    core::side_by_side(blocks.size(), static_cast<std::size_t>(work_.threads), [&](std::size_t i) {
      for (QueryState& state : blocks[i].states) work(state);
    });
  }

  const FeatureMatrix& query_;
  const GallerySource& gallery_;
  std::span<const std::int64_t> prefix_;
  const Matching& matching_;
  const Gemm& gemm_;
  const WorkOptions& work_;
  bool with_positions_;
  std::vector<QueryState> states_;
  std::vector<DepthGroup> groups_;  // spans of states_
  Workspaces workspaces_;
};

}  // namespace

void visit_positions(const FeatureMatrix& query, const GallerySource& gallery, std::span<const std::int64_t> prefix,
                     const Matching& matching, const Gemm& gemm, const WorkOptions& work, bool with_positions,
                     const Visit& visit) {
  check_work(work);
  check_rows(query.rows, matching.queries(), "query");
  check_size(query, "query");
  check_values(query.values, 0, query.dimension, "query");
  check_rows(gallery.rows, matching.gallery(), "gallery");
  check_prefix(prefix, query.rows, query.dimension);
  if (query.rows == 0 || gallery.rows == 0) return;
  if (query.dimension != gallery.dimension)
    throw core::input_error(
        fmt::format("query features have {} dimensions and gallery features {}", query.dimension, gallery.dimension),
        "they must be of one network");
  if (query.dimension == 0) throw core::input_error("features have no dimension");
  SlicedRanking(query, gallery, prefix, matching, gemm, work, with_positions).run(visit);
}

void visit_positions(const FeatureMatrix& query, const FeatureMatrix& gallery, std::span<const std::int64_t> prefix,
                     const Matching& matching, const Gemm& gemm, const WorkOptions& work, bool with_positions,
                     const Visit& visit) {
  check_size(gallery, "gallery");
  const GallerySource source{gallery.rows, gallery.dimension, rows_at_once(gallery.dimension),
                             [&](std::size_t first, std::size_t count) {
                               return gallery.values.subspan(first * gallery.dimension, count * gallery.dimension);
                             }};
  visit_positions(query, source, prefix, matching, gemm, work, with_positions, visit);
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
    state.start();
    if (with_positions) state.positions.assign(gallery, kNotWrong);
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
