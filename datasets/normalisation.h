#pragma once
//! \file
//! Pixels as networks want them: (level / 255 - mean) / deviation, a channel, with the mean and deviation of ImageNet.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace resolute::datasets {

inline constexpr std::array<float, 3> kChannelMean{0.485F, 0.456F, 0.406F};       //!< red, green, blue; of levels / 255
inline constexpr std::array<float, 3> kChannelDeviation{0.229F, 0.224F, 0.225F};  //!< the same

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

}  // namespace resolute::datasets
