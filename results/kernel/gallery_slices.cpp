#include "results/kernel/gallery_slices.h"

#include <algorithm>

namespace resolute::results::kernel {

Slices::Slices(const GallerySource& gallery, int threads)
    : gallery_(gallery), policy_(threads > 1 ? std::launch::async | std::launch::deferred : std::launch::deferred) {
  begin(0);
}

std::optional<Slice> Slices::next() {
  if (!reading_.valid()) return std::nullopt;
  const Slice slice = reading_.get();
  begin(slice.first + slice.rows);
  return slice;
}

void Slices::begin(std::size_t first) {
  if (first == gallery_.rows) return;
  const std::size_t rows = std::min(gallery_.most_rows, gallery_.rows - first);
  reading_ = std::async(policy_, [this, first, rows] {
    return Slice{gallery_.read(first, rows), first, rows, gallery_.dimension};
  });
}

}  // namespace resolute::results::kernel
