#include "results/scores/branched_distance.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <vector>

#include "core/error.h"
#include "core/process/side_by_side.h"
#include "results/kernel/pairwise.h"

namespace resolute::results {
namespace {

using kernel::kPanelColumns;
using kernel::kTileRows;

//! Dimensions that are worked on together: a panel of them stays in a core's own cache.
constexpr std::size_t kDepth = 256;

std::size_t rounded_up(std::size_t count, std::size_t unit) { return (count + unit - 1) / unit * unit; }

void check_features(const FeatureMatrix& matrix, std::size_t branch, const char* side, int threads) {
  if (matrix.dimension == 0)
    throw core::input_error(fmt::format("the {} features of branch {} have no dimension", side, branch));
  if (matrix.rows != matrix.values.size() / matrix.dimension || matrix.values.size() % matrix.dimension != 0)
    throw core::input_error(
        fmt::format("the {} of branch {} has {} feature values", side, branch, matrix.values.size()),
        fmt::format("{} rows of {} are needed", matrix.rows, matrix.dimension));
  std::atomic<bool> finite = true;
  constexpr std::size_t kRows = 64;
  core::side_by_side((matrix.rows + kRows - 1) / kRows, static_cast<std::size_t>(threads), [&](std::size_t piece) {
    const std::size_t first = piece * kRows;
    const std::size_t rows = std::min(kRows, matrix.rows - first);
    if (!all_finite(matrix.values.subspan(first * matrix.dimension, rows * matrix.dimension))) finite = false;
  });
  if (finite) return;
  const auto bad = std::ranges::find_if(matrix.values, [](float v) { return !std::isfinite(v); });
  const auto at = static_cast<std::size_t>(bad - matrix.values.begin());
  throw core::input_error(fmt::format("value {} of {} feature {} of branch {} is {}", at % matrix.dimension, side,
                                      at / matrix.dimension, branch, *bad),
                          "distances must be finite");
}

void check_weights(std::span<const float> weights, std::size_t rows, std::size_t branch, const char* side) {
  if (weights.empty()) return;
  if (weights.size() != rows)
    throw core::input_error(fmt::format("the {} of branch {} has {} weights", side, branch, weights.size()),
                            fmt::format("one for each of {} rows is needed, or none", rows));
  for (std::size_t row = 0; row < rows; ++row)
    if (!(weights[row] > 0 && std::isfinite(weights[row])))
      throw core::input_error(fmt::format("the weight of {} {} of branch {} is {}", side, row, branch, weights[row]),
                              "weights are positive and finite");
}

void check(std::span<const DistanceBranch> branches, std::size_t distances, const WorkOptions& work) {
  RESOLUTE_EXPECT(work.threads >= 1 && work.query_block >= 1 && work.gallery_block >= 1, "work options out of range");
  if (branches.empty()) throw core::input_error("there is no branch to measure distances by");
  const std::size_t queries = branches[0].query.rows;
  const std::size_t gallery = branches[0].gallery.rows;
  for (std::size_t b = 0; b < branches.size(); ++b) {
    const DistanceBranch& branch = branches[b];
    if (branch.query.rows != queries || branch.gallery.rows != gallery)
      throw core::input_error(
          fmt::format("branch {} has {} queries and {} gallery images", b, branch.query.rows, branch.gallery.rows),
          fmt::format("branch 0 has {} and {}", queries, gallery));
    if (branch.query.dimension != branch.gallery.dimension)
      throw core::input_error(fmt::format("branch {} has query features of {} dimensions and gallery features of {}", b,
                                          branch.query.dimension, branch.gallery.dimension),
                              "they must be of one network");
    check_features(branch.query, b, "query", work.threads);
    check_features(branch.gallery, b, "gallery", work.threads);
    check_weights(branch.query_weights, queries, b, "query");
    check_weights(branch.gallery_weights, gallery, b, "gallery");
  }
  if (distances != queries * gallery)
    throw core::input_error(
        fmt::format("there is room for {} distances", distances),
        fmt::format("{} queries and {} gallery images have {}", queries, gallery, queries * gallery));
}

//! Rows first, first + 1, … of a matrix.
struct Rows {
  std::size_t first;
  std::size_t count;
};

//! One thread's work: blocks of queries × gallery, one after the other. Its memory does not grow with the matrices.
class DistanceBlock {
 public:
  DistanceBlock(std::span<const DistanceBranch> branches, std::span<double> to)
      : branches_(branches), to_(to), gallery_(branches[0].gallery.rows) {}

  void run(const Rows& queries, const Rows& gallery) {
    for (std::size_t q = 0; q < queries.count; ++q) std::fill_n(row_of(queries.first + q, gallery), gallery.count, 0.0);
    for (const DistanceBranch& branch : branches_) {
      sum_squares(branch, queries, gallery);
      for (std::size_t q = 0; q < queries.count; ++q) add_branch(branch, queries.first + q, q, gallery);
    }
  }

 private:
  double* row_of(std::size_t query, const Rows& gallery) { return to_.data() + query * gallery_ + gallery.first; }

  //! Fills squares_ [queries, rounded up × gallery, rounded up]; what is beyond the counts means nothing.
  void sum_squares(const DistanceBranch& branch, const Rows& queries, const Rows& gallery) {
    const std::size_t rows = rounded_up(queries.count, kTileRows);
    const std::size_t dimension = branch.query.dimension;
    stride_ = rounded_up(gallery.count, kPanelColumns);
    squares_.assign(rows * stride_, 0.0);
    rows_.assign(rows * kDepth, 0.0);
    panel_.assign(kDepth * kPanelColumns, 0.0);
    for (std::size_t k = 0; k < dimension; k += kDepth) {
      const std::size_t depth = std::min(kDepth, dimension - k);
      for (std::size_t q = 0; q < queries.count; ++q)
        std::copy_n(branch.query.values.data() + (queries.first + q) * dimension + k, depth, rows_.data() + q * kDepth);
      for (std::size_t g = 0; g < gallery.count; g += kPanelColumns) {
        pack_panel(branch.gallery, {gallery.first + g, std::min(kPanelColumns, gallery.count - g)}, k, depth);
        for (std::size_t q = 0; q < rows; q += kTileRows)
          kernel_.add_squares(rows_.data() + q * kDepth, kDepth, panel_.data(), depth,
                              squares_.data() + q * stride_ + g, stride_);
      }
    }
  }

  //! Dimensions k, k + 1, … of some gallery images, an image a column. A cache line of a row at a time.
  void pack_panel(const FeatureMatrix& gallery, const Rows& images, std::size_t k, std::size_t depth) {
    constexpr std::size_t kLine = 16;
    for (std::size_t from = 0; from < depth; from += kLine)
      for (std::size_t c = 0; c < images.count; ++c) {
        const float* row = gallery.values.data() + (images.first + c) * gallery.dimension + k;
        for (std::size_t i = from; i < std::min(from + kLine, depth); ++i)
          panel_[i * kPanelColumns + c] = static_cast<double>(row[i]);
      }
  }

  //! Products of the branch's weights of a query and of gallery images: exact, a double holds that of two floats.
  static void add_weights(const DistanceBranch& branch, std::size_t query, const Rows& gallery, double* to) {
    const double weight = branch.query_weights.empty() ? 1 : static_cast<double>(branch.query_weights[query]);
    if (branch.gallery_weights.empty())
      for (std::size_t g = 0; g < gallery.count; ++g) to[g] += weight;
    else
      for (std::size_t g = 0; g < gallery.count; ++g)
        to[g] += weight * static_cast<double>(branch.gallery_weights[gallery.first + g]);
  }

  void add_branch(const DistanceBranch& branch, std::size_t query, std::size_t row, const Rows& gallery) {
    weights_.assign(gallery.count, 0.0);
    add_weights(branch, query, gallery, weights_.data());
    totals_.assign(gallery.count, 0.0);
    for (const DistanceBranch& each : branches_) add_weights(each, query, gallery, totals_.data());
    kernel_.add_shares(squares_.data() + row * stride_, weights_.data(), totals_.data(), gallery.count,
                       row_of(query, gallery));
  }

  std::span<const DistanceBranch> branches_;
  std::span<double> to_;
  std::size_t gallery_;
  const kernel::PairwiseKernel& kernel_ = kernel::pairwise_kernels().front();
  std::size_t stride_ = 0;
  std::vector<double> squares_;
  std::vector<double> rows_;     // queries × kDepth
  std::vector<double> panel_;    // kDepth × kPanelColumns
  std::vector<double> weights_;  // of one query to the gallery block
  std::vector<double> totals_;
};

//! Blocks of at most `block` rows whose number is a multiple of the threads, so that none waits long for another.
std::size_t even_block(std::size_t rows, std::size_t block, std::size_t threads) {
  const std::size_t blocks = rounded_up((rows + block - 1) / block, threads);
  return std::min(block, rounded_up((rows + blocks - 1) / blocks, kTileRows));
}

}  // namespace

void branched_distances(std::span<const DistanceBranch> branches, std::span<double> to, const WorkOptions& work) {
  check(branches, to.size(), work);
  const std::size_t queries = branches[0].query.rows;
  const std::size_t gallery = branches[0].gallery.rows;
  if (queries == 0 || gallery == 0) return;
  const std::size_t block = even_block(queries, work.query_block, static_cast<std::size_t>(work.threads));
  core::side_by_side((queries + block - 1) / block, static_cast<std::size_t>(work.threads), [&](std::size_t piece) {
    const Rows rows{piece * block, std::min(block, queries - piece * block)};
    DistanceBlock distances(branches, to);
    for (std::size_t g = 0; g < gallery; g += work.gallery_block)
      distances.run(rows, {g, std::min(work.gallery_block, gallery - g)});
  });
}

}  // namespace resolute::results
