#pragma once
//! \file
//! Features as ranking reads them, and how its work is cut.

#include <cstddef>
#include <functional>
#include <span>

namespace resolute::results {

//! Row-major float32, rows × dimension. Not owned.
struct FeatureMatrix {
  std::span<const float> values;
  std::size_t rows = 0;
  std::size_t dimension = 0;
};

//! A gallery of which some images are in memory at a time.
struct GallerySource {
  std::size_t rows = 0;
  std::size_t dimension = 0;
  std::size_t most_rows = 1;  //!< that are asked for at once, at least 1
  //! Features of images first to first + count - 1, count × dimension; valid until the next call. Called by one thread,
  //! for ascending images, several times over.
  std::function<std::span<const float>(std::size_t first, std::size_t count)> read;
};

//! One whose features are all there.
inline GallerySource in_memory(const FeatureMatrix& gallery) {
  return {gallery.rows, gallery.dimension, gallery.rows > 0 ? gallery.rows : 1,
          [all = gallery.values](std::size_t, std::size_t) { return all; }};
}

//! How the work is cut; changes no bit of a result.
struct WorkOptions {
  int threads = 1;                   //!< at least 1
  std::size_t query_block = 384;     //!< rows of a product
  std::size_t gallery_block = 2048;  //!< columns of a product
};

}  // namespace resolute::results
