#include "results/kernel/positions.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "core/error.h"
#include "core/process/side_by_side.h"
#include "results/kernel/block_scan.h"
#include "results/kernel/distance.h"
#include "results/kernel/filter.h"
#include "results/kernel/gallery_slices.h"

namespace resolute::results {

FeatureMatrix::operator GallerySource() const {
  kernel::check_size(*this, "gallery");
  return {rows, dimension, rows_at_once(dimension), [all = *this](std::size_t first, std::size_t count) {
            return all.values.subspan(first * all.dimension, count * all.dimension);
          }};
}

}  // namespace resolute::results

namespace resolute::results::kernel {

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

namespace {

void check_rows(std::size_t rows, std::size_t labels, const char* side) {
  if (rows != labels)
    throw core::input_error(fmt::format("the {} has {} features and {} identities", side, rows, labels),
                            "each image needs one feature and one identity");
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

//! One per thread, taken in turns.
class Workspaces {
 public:
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

struct GroupBlock {
  std::size_t group;  // index
  QueryBlock block;
};

//! Blocks of about equal size of each group, as many as threads share evenly; the longest products first, so that no
//! thread waits long for the last block. Their rows are still empty.
std::vector<GroupBlock> cut(std::span<const DepthGroup> groups, const WorkOptions& work) {
  const std::size_t share = (static_cast<std::size_t>(work.threads) + groups.size() - 1) / groups.size();
  std::vector<GroupBlock> blocks;
  for (std::size_t group = groups.size(); group-- > 0;) {
    const std::span<QueryState> all = groups[group].states;
    const std::size_t fewest = (all.size() + work.query_block - 1) / work.query_block;
    const std::size_t count = std::min(all.size(), (fewest + share - 1) / share * share);
    for (std::size_t block = 0; block < count; ++block) {
      const std::size_t from = all.size() * block / count;
      const std::span<QueryState> states = all.subspan(from, all.size() * (block + 1) / count - from);
      blocks.push_back({group, {states, groups[group].depth, {}, {}}});
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

  // Exact, and that every value is finite. Rows of the first slice choose the centre.
  void measure_matches() {
    std::vector<std::size_t> next(states_.size(), 0);  // of each state, the first match that was not reached yet
    Slices slices(gallery_, work_.threads);
    while (const std::optional<Slice> slice = slices.next()) {
      if (slice->first == 0) centre_ = rough_mean(slice->matrix());
      in_pieces(slice->rows, 64, [&](std::size_t begin, std::size_t end) {
        check_values(slice->values.subspan(begin * slice->dimension, (end - begin) * slice->dimension),
                     slice->first + begin, slice->dimension, "gallery");
      });
      in_pieces(states_.size(), 16, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) measure(states_[i], *slice, next[i]);
      });
    }
    for (QueryState& state : states_) state.start();
  }

  // Calls work(begin, end) for `together` of `count` things at a time, from all threads.
  void in_pieces(std::size_t count, std::size_t together,
                 const std::function<void(std::size_t, std::size_t)>& work) const {
    core::side_by_side((count + together - 1) / together, static_cast<std::size_t>(work_.threads),
                       [&](std::size_t piece) { work(piece * together, std::min(count, (piece + 1) * together)); });
  }

  void measure(QueryState& state, const Slice& slice, std::size_t& next) const {
    const float* row = query_.values.data() + state.query * query_.dimension;
    const std::size_t depth = depth_of(state.query);
    for (; next < state.matches.size() && state.matches[next] < slice.first + slice.rows; ++next)
      state.distances[next] = squared_distance(row, slice.row(state.matches[next]), depth);
  }

  void run(std::span<const DepthGroup> groups, const Visit& visit) {
    std::vector<GroupBlock> blocks = cut(groups, work_);
    // One number per gallery image and query: of few queries at a time.
    const std::size_t together = with_positions_ ? static_cast<std::size_t>(work_.threads) : blocks.size();
    for (std::size_t first = 0; first < blocks.size(); first += together)
      run(groups, std::span(blocks).subspan(first, std::min(together, blocks.size() - first)), visit);
  }

  void run(std::span<const DepthGroup> groups, std::span<GroupBlock> blocks, const Visit& visit) {
    std::vector<std::size_t> depths;
    for (const DepthGroup& group : groups) depths.push_back(group.depth);
    each_block(blocks, [&](QueryBlock& block, std::size_t) {
      block.centre(query_, centre_);
      if (with_positions_)
        for (QueryState& state : block.states) state.positions.assign(gallery_.rows, kNotWrong);
    });
    CentredSlice centred{{}, depths.back()};
    Slices slices(gallery_, work_.threads);
    while (const std::optional<Slice> slice = slices.next()) {
      centred.values.resize(slice->rows * centred.width);
      const std::vector<Filter> filters =
          Filter::of_depths(slice->matrix(), depths, centre_, centred.values, work_.threads);
      each_block(blocks, [&](const QueryBlock& block, std::size_t group) {
        BlockScan scan(query_, block, *slice, centred, matching_, filters[group], with_positions_);
        Workspace workspace = workspaces_.take();
        scan.run(gemm_, work_.gallery_block, workspace);
        workspaces_.give(std::move(workspace));
      });
    }
    each_block(blocks, [&](QueryBlock& block, std::size_t) {
      for (QueryState& state : block.states) state.finish(visit);
      block.rows = {};
    });
  }

  void each_block(std::span<GroupBlock> blocks, const std::function<void(QueryBlock&, std::size_t)>& work) const {
    core::side_by_side(blocks.size(), static_cast<std::size_t>(work_.threads),
                       [&](std::size_t i) { work(blocks[i].block, blocks[i].group); });
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
  std::vector<float> centre_;       // a row near the gallery's mean
  Workspaces workspaces_;
};

}  // namespace

void check_features(const Matching& matching, std::size_t queries, std::size_t gallery) {
  check_rows(queries, matching.queries(), "query");
  check_rows(gallery, matching.gallery(), "gallery");
}

void check_dimensions(std::size_t query, std::size_t gallery) {
  if (query != gallery)
    throw core::input_error(fmt::format("query features have {} dimensions and gallery features {}", query, gallery),
                            "they must be of one network");
  if (query == 0) throw core::input_error("features have no dimension");
}

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
  check_dimensions(query.dimension, gallery.dimension);
  SlicedRanking(query, gallery, prefix, matching, gemm, work, with_positions).run(visit);
}

namespace {

//! \param row distances of the query to the gallery
template <class Distance>
void visit_row(std::size_t query, std::span<const Distance> row, const Matching& matching, bool with_positions,
               const Visit& visit) {
  for (std::size_t g = 0; g < row.size(); ++g)
    if (!std::isfinite(row[g]))
      throw core::input_error(fmt::format("the distance of query {} to gallery image {} is {}", query, g, row[g]),
                              "distances must be finite");
  QueryState state;
  state.query = query;
  matching.matches_of(query, state.matches);
  if (state.matches.empty()) return;
  for (std::size_t g : state.matches) state.distances.push_back(static_cast<double>(row[g]));
  state.start();
  if (with_positions) state.positions.assign(row.size(), kNotWrong);
  for (std::size_t g = 0; g < row.size(); ++g)
    if (matching.is_wrong(query, g)) state.place_wrong(g, state.nearer_than(static_cast<double>(row[g])));
  state.finish(visit);
}

template <class Distance>
void visit_given(std::span<const Distance> distances, const Matching& matching, const WorkOptions& work,
                 bool with_positions, const Visit& visit) {
  check_work(work);
  const std::size_t gallery = matching.gallery();
  if (distances.size() != matching.queries() * gallery)
    throw core::input_error(fmt::format("there are {} distances", distances.size()),
                            fmt::format("{} queries and {} gallery images need {}", matching.queries(), gallery,
                                        matching.queries() * gallery));
  core::side_by_side(matching.queries(), static_cast<std::size_t>(work.threads), [&](std::size_t q) {
    visit_row(q, distances.subspan(q * gallery, gallery), matching, with_positions, visit);
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

void visit_positions(const DistanceRows& distances, const Matching& matching, const WorkOptions& work,
                     const Visit& visit) {
  check_work(work);
  // A thread holds 64 MiB of products and distances, or one query's.
  constexpr std::size_t kMost = 256, kBytes = std::size_t{64} << 20;
  const std::size_t queries = matching.queries(), gallery = matching.gallery();
  const std::size_t together =
      std::clamp<std::size_t>(kBytes / (1 + gallery * (sizeof(float) + sizeof(double))), 1, kMost);
  core::side_by_side(
      (queries + together - 1) / together, static_cast<std::size_t>(work.threads), [&](std::size_t piece) {
        const std::size_t first = piece * together, count = std::min(together, queries - first);
        std::vector<double> rows(count * gallery);
        distances(first, count, matching, rows);
        for (std::size_t q = 0; q < count; ++q)
          visit_row(first + q, std::span<const double>(rows).subspan(q * gallery, gallery), matching, false, visit);
      });
}

}  // namespace resolute::results::kernel
