#pragma once
//! \file
//! Internal to results/kernel: queries against one slice of a gallery, by a matrix product and what it leaves open.

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "results/kernel/filter.h"
#include "results/kernel/gallery_slices.h"
#include "results/kernel/gemm.h"
#include "results/kernel/matching.h"
#include "results/kernel/positions.h"

namespace resolute::results::kernel {

//! One query on its way through the gallery.
struct QueryState {
  std::size_t query = 0;
  std::vector<std::size_t> matches;                   // nearest first
  std::vector<double> distances;                      // of the matches, ascending
  std::vector<std::pair<std::size_t, double>> known;  // the matches again, by gallery index
  std::vector<std::uint64_t> wrong_from;              // [matches + 1] wrong matches whose position is this index
  std::vector<std::uint32_t> positions;               // [gallery] or empty

  //! Sorts the matches (ascending by index, `distances` in that order) by distance and clears the counts.
  void start();

  //! Number of matches nearer than `distance`.
  std::size_t nearer_than(double distance) const;

  void place_wrong(std::size_t gallery, std::size_t position) {
    ++wrong_from[position];
    if (!positions.empty()) positions[gallery] = static_cast<std::uint32_t>(position);
  }

  void finish(const Visit& visit);
};

//! A slice's rows less the gallery's centre; see Filter::of_depths().
struct CentredSlice {
  std::vector<float> values;  // rows × width
  std::size_t width = 0;
  const float* row(std::size_t in_slice) const { return values.data() + in_slice * width; }
};

//! The buffers in which a thread scans: kept from slice to slice, or the kernel would clear new pages for each.
struct Workspace {
  std::vector<float> products;            // states × gallery block
  std::vector<std::uint32_t> candidates;  // within a gallery block
};

//! A block of queries that compare the same number of dimensions: what is the same in all slices of a gallery.
struct QueryBlock {
  std::span<QueryState> states;
  std::size_t depth = 0;
  std::vector<float> rows;      // states × depth, less the gallery's centre
  std::vector<double> squares;  // a row's squared norm

  //! Fills `rows` and `squares`. \param centre depth values or more
  void centre(const FeatureMatrix& query, std::span<const float> centre);
};

//! A block of queries on its way through one slice of the gallery.
class BlockScan {
 public:
  BlockScan(const FeatureMatrix& query, const QueryBlock& block, const Slice& slice, const CentredSlice& centred,
            const Matching& matching, const Filter& filter, bool with_positions);

  //! \param workspace the memory that it works in
  void run(const Gemm& gemm, std::size_t gallery_block, Workspace& workspace);

 private:
  const float* query_row(const QueryState& state) const {
    return query_.values.data() + state.query * query_.dimension;
  }
  //! Counts the wrong matches among the slice's images first, first + 1, … by their products with query i.
  void scan(std::size_t i, std::span<const float> products, std::size_t first, std::span<std::uint32_t> candidates);
  std::size_t position(std::size_t i, std::size_t in_slice, float product) const;
  //! A true match's distance is known: a product that is off by more than float32 can be is caught here.
  void check_product(std::size_t i, std::size_t in_slice, float product) const;

  const FeatureMatrix& query_;
  const QueryBlock& block_;
  const Slice& slice_;
  const CentredSlice& centred_;
  const Matching& matching_;
  const Filter& filter_;
  bool with_positions_;
  std::vector<Filter::Query> bounds_;
};

}  // namespace resolute::results::kernel
