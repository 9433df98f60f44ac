#pragma once
//! \file
//! Internal to results/kernel: a gallery as it is read, some images at a time.

#include <cstddef>
#include <future>
#include <optional>
#include <span>

#include "results/kernel/features.h"

namespace resolute::results::kernel {

//! Gallery images first, first + 1, … of the whole, which are in memory.
struct Slice {
  std::span<const float> values;
  std::size_t first = 0, rows = 0, dimension = 0;
  const float* row(std::size_t g) const { return values.data() + (g - first) * dimension; }
  FeatureMatrix matrix() const { return {values, rows, dimension}; }
};

//! The slices of a gallery in their order. A thread apart, if there may be more than one, reads each while
//! the one before is worked on. next() throws what reading throws.
class Slices {
 public:
  //! \param gallery outlives this
  Slices(const GallerySource& gallery, int threads);
  Slices(const Slices&) = delete;
  Slices& operator=(const Slices&) = delete;
  //! Nothing behind the last. Valid until the next call but one.
  std::optional<Slice> next();

 private:
  void begin(std::size_t first);

  const GallerySource& gallery_;
  std::launch policy_;
  std::future<Slice> reading_;
};

}  // namespace resolute::results::kernel
