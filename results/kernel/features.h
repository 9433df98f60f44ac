#pragma once
//! \file
//! Features as ranking reads them, and how its work is cut.

#include <cstddef>
#include <span>

namespace resolute::results {

//! Row-major float32, rows × dimension. Not owned.
struct FeatureMatrix {
  std::span<const float> values;
  std::size_t rows = 0;
  std::size_t dimension = 0;
};

//! How the work is cut; changes no bit of a result.
struct WorkOptions {
  int threads = 1;                   //!< at least 1
  std::size_t query_block = 384;     //!< rows of a product
  std::size_t gallery_block = 2048;  //!< columns of a product
};

}  // namespace resolute::results
