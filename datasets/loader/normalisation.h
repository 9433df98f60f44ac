#pragma once
//! \file
//! Pixels as networks want them: (level / 255 - mean) / deviation, per channel, with the mean and deviation of
//! ImageNet.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

#include "settings/trunk_shape.h"

namespace resolute::datasets {

using settings::kChannelDeviation;
using settings::kChannelMean;

//! \param level 0 to 255 \param channel 0, 1, 2: red, green, blue
inline float normalised_level(std::uint8_t level, std::size_t channel) {
  return (static_cast<float>(level) / 255.0F - kChannelMean.at(channel)) / kChannelDeviation.at(channel);
}

//! The inverse, rounded to the nearest level, beyond 0 and 255 the nearer of the two; 0 for NaN.
inline std::uint8_t nearest_level(float normalised, std::size_t channel) {
  const double level =
      (static_cast<double>(normalised) * kChannelDeviation.at(channel) + kChannelMean.at(channel)) * 255.0;
  if (!(level > 0)) return 0;
  return static_cast<std::uint8_t>(std::lround(std::min(level, 255.0)));
}

//! How the floats of normalise_pixels() are written.
enum class Store {
  kCached,     //!< for whoever reads or changes them at once
  kStreaming,  //!< past the caches: a batch is larger than they are, and its lines need not be read to be overwritten.
               //!< Call finish_streaming() before another thread may look
};

//! normalised_level() of every level, bit for bit, with AVX2 and FMA where the processor has them.
//! \param pixels N×3 levels, red, green, blue \param to N×3 floats
void normalise_pixels(std::span<const std::uint8_t> pixels, float* to, Store store = Store::kCached);
//! The same from a table, on any processor; for comparison in tests.
void normalise_pixels_plain(std::span<const std::uint8_t> pixels, float* to);

//! A copy, written with Store::kStreaming.
void stream_floats(std::span<const float> from, float* to);

//! Makes what was written with Store::kStreaming visible as other writes are.
void finish_streaming();

//! The pixels in reverse order, with SSSE3 where the processor has it. \param pixels N×3 levels \param to as many,
//! elsewhere
void mirror_pixels(std::span<const std::uint8_t> pixels, std::uint8_t* to);
//! The same pixel by pixel; for comparison in tests.
void mirror_pixels_plain(std::span<const std::uint8_t> pixels, std::uint8_t* to);

}  // namespace resolute::datasets
