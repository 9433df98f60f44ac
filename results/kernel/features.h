#pragma once
//! \file
//! Features as ranking reads them, and how its work is cut.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

namespace resolute::results {

struct GallerySource;

//! Row-major float32, rows × dimension. Not owned.
struct FeatureMatrix {
  std::span<const float> values;
  std::size_t rows = 0;
  std::size_t dimension = 0;

  //! A gallery all of which is in memory. \throws core::RuntimeError (kInput) where there are more or fewer values
  operator GallerySource() const;
};

inline bool all_finite(std::span<const float> values) {
  // By the exponent's bits, without a branch a value.
  constexpr std::uint32_t kExponent = 0x7f80'0000;
  std::uint32_t carry = 0;
  for (float value : values) carry |= (std::bit_cast<std::uint32_t>(value) & kExponent) + 0x0080'0000U;
  return (carry & 0x8000'0000U) == 0;
}

//! A gallery of which some images are in memory at a time.
struct GallerySource {
  std::size_t rows = 0;
  std::size_t dimension = 0;
  std::size_t most_rows = 1;  //!< that are asked for at once, at least 1
  //! Features of images first to first + count - 1, count × dimension; valid until the next call but one: a slice is
  //! read while the one before is worked on. Called by one thread at a time, for ascending images, several times over.
  std::function<std::span<const float>(std::size_t first, std::size_t count)> read;
};

//! Rows of a gallery of which it is best to have so many in memory at a time.
constexpr std::size_t rows_at_once(std::size_t dimension) {
  constexpr std::size_t kBytes = std::size_t{1} << 23;
  const std::size_t rows = dimension == 0 ? 1 : kBytes / (sizeof(float) * dimension);
  return rows == 0 ? 1 : rows;
}

//! How the work is cut; changes no bit of a result.
struct WorkOptions {
  int threads = 1;                   //!< at least 1
  std::size_t query_block = 384;     //!< rows of a product
  std::size_t gallery_block = 2048;  //!< columns of a product
};

}  // namespace resolute::results
