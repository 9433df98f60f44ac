#pragma once
//! \file
//! The nearest images of one, ties and all; of each image, and the farthest, without a matrix of all pairs.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "results/kernel/features.h"
#include "results/kernel/filter.h"
#include "results/kernel/gemm.h"

namespace resolute::results::kernel {

//! Indices, ascending, of those at most as far as the `count`-th nearest: all that tie with it, so that no order of the
//! images decides which of them count. All where there are no more than `count`. \param distances finite \param count
//! at least 1 \param of whose neighbours they are, for the message: "query 3" \param neighbour what the message calls
//! the last \throws core::RuntimeError (kInput) where more than a thousand tie
std::vector<std::size_t> nearest(std::span<const double> distances, std::size_t count,
                                 const std::function<std::string()>& of, int neighbour);

struct Neighbour {
  double distance = 0;  //!< squared Euclidean, by squared_distance()
  std::uint32_t image = 0;
  auto operator<=>(const Neighbour&) const = default;
};

//! An image among all.
struct Neighbourhood {
  //! Ascending, the image itself among them: all that are at most as far as the `count`-th, so that no order of the
  //! images decides which of them count. All images where there are no more than `count`.
  std::vector<Neighbour> nearest;
  double farthest = 0;  //!< the largest squared distance to any image
};

//! Rows of two matrices of one dimension: queries, then the gallery. Not owned.
struct BothSides {
  FeatureMatrix query, gallery;
  std::size_t images() const { return query.rows + gallery.rows; }
  const float* row(std::size_t image) const {
    return image < query.rows ? query.values.data() + image * query.dimension
                              : gallery.values.data() + (image - query.rows) * query.dimension;
  }
};

//! Distances of all pairs: exact ones, and bounds by a matrix product. Immutable; safe to share between threads.
//! Memory: the features once more.
class Pairs {
 public:
  //! \param images at least one; finite \param gemm outlives this, and so do the features
  Pairs(const BothSides& images, const Gemm& gemm, int threads);

  const BothSides& images() const { return images_; }
  //! Squared Euclidean, by squared_distance().
  double exact(std::size_t a, std::size_t b) const;

  //! Images first, first + 1, …
  struct Range {
    std::size_t first, count;
  };
  //! Products of rows less their mean. \param to rows × columns, overwritten
  void multiply(const Range& rows, const Range& columns, std::span<float> to) const;

  struct Bounds {
    double low, high;  //!< between them lies exact(); both are it where the product tells nothing
  };
  //! \param a image `image`, by query()
  Bounds bounds(const Filter::Query& a, std::size_t image, std::size_t b, float product) const {
    const double distance = filter_.approximate(a, b, product), bound = filter_.bound(a, b);
    if (!a.unbounded && std::isfinite(distance)) return {distance - bound, distance + bound};
    const double known = exact(image, b);
    return {known, known};
  }
  //! If bounds() may reach below `near` or above `far`, by a quick look.
  bool may_reach(const Filter::Query& a, std::size_t b, float product, double near, double far) const {
    const double distance = filter_.approximate(a, b, product), bound = filter_.bound(a, b);
    // Written so that NaN may.
    return !(distance - bound > near) || !(distance + bound < far);
  }
  Filter::Query query(std::size_t image) const { return filter_.query(filter_.square(image)); }

 private:
  Filter centre(int threads);

  BothSides images_;
  const Gemm& gemm_;
  std::size_t depth_;
  std::vector<float> centred_;  // the rows of both sides less their mean
  Filter filter_;
};

//! Each pair is multiplied once, and those whose product leaves open if they are near or farthest are computed again.
//! So the bits depend on the features alone: not on the order of the images (but for their numbers), threads, blocks or
//! the product. Memory: for each image some 24 bytes × (2 × count + 64).
//! \param count at least 1
//! \throws core::RuntimeError kInput: more than a thousand images as near to one as its `count`-th; kEnvironment: a
//!         product outside the bound of gemm.h
std::vector<Neighbourhood> neighbourhoods(const Pairs& pairs, std::size_t count, int threads);

}  // namespace resolute::results::kernel
