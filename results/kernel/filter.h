#pragma once
//! \file
//! Distances by a float32 matrix product, and bounds of their error.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "results/kernel/features.h"

namespace resolute::results::kernel {

//! A row about in the middle of these, of a few hundred of them: any centre is right, one near the mean is good.
std::vector<float> rough_mean(const FeatureMatrix& gallery);

//! The row's values less the centre's, as many as there are in `centred`, rounded to float32. \return their squares'
//! sum
double centre_row(const float* row, std::span<const float> centre, std::span<float> centred);

//! \throws core::RuntimeError (kEnvironment) if a squared distance is known and its approximation is farther from it
//! than `bound`: a product in TF32 or bfloat16
void check_known(double approximate, double known, double bound);

//! One gallery, or a slice of it, compared by its first `depth` dimensions. Products are of rows less a centre near the
//! gallery's mean row: distances stay what they are, while norms, and with them the bound, shrink a lot for features
//! that share a large common part (as those behind a ReLU do). Immutable; safe to share between threads.
class Filter {
 public:
  //! One for each of `depths`, in one pass over the gallery. \param depths ascending, each 1 to gallery.dimension
  //! \param centre depths.back() values or more \param centred rows × depths.back(), overwritten: the gallery's rows as
  //! centre_row() makes them at the last depth; at a lower one they are the first values of these
  static std::vector<Filter> of_depths(const FeatureMatrix& gallery, std::span<const std::size_t> depths,
                                       std::span<const float> centre, std::span<float> centred, int threads);

  //! The constants of one query.
  struct Query {
    double square;  //!< ‖q‖², centred
    double per_norm;
    double constant;
    bool unbounded;  //!< products may leave float32's range, or sum too much: nothing is known
  };
  //! \param square ‖q‖² as centre_row() says it of the query's first depth values, with the centre of the gallery
  Query query(double square) const;

  double square(std::size_t g) const { return square_[g]; }  //!< ‖g‖², centred

  //! The squared distance to gallery image g as far as the product of the centred rows tells it.
  double approximate(const Query& query, std::size_t g, float product) const {
    return query.square + square_[g] - 2 * static_cast<double>(product);
  }
  //! Places in `products` of the images first, first + 1, … whose squared_distance() can be at most `farthest`,
  //! ascending, and of a few more by rounding; all of them where nothing is known. \param places as many as products;
  //! how many were written is returned
  std::size_t within(const Query& query, double farthest, std::size_t first, std::span<const float> products,
                     std::span<std::uint32_t> places) const;
  //! |approximate() - squared_distance()| is at most this for every product within gemm.h's bound, unless unbounded.
  double bound(const Query& query, std::size_t g) const {
    return query.constant + query.per_norm * norm_[g] + relative_ * square_[g];
  }

 private:
  Filter(std::size_t depth, std::size_t rows);

  std::size_t depth_;
  double factor_;    // of ‖q‖·‖g‖, from gemm.h
  double relative_;  // of ‖q‖² + ‖g‖²
  double tiny_;      // absolute, for what falls below float32's normal range
  std::vector<double> norm_;
  std::vector<double> square_;
  double largest_norm_ = 0;
};

}  // namespace resolute::results::kernel
