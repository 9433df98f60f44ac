#pragma once
//! \file
//! Levels of resolution as pure functions of numbers: what a method that tells them apart (Tells::level_rates), the
//! evaluator and the tests of both must agree on.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace resolute::methods {

//! The level, from 1, of an image whose area is `area` where an image of the highest level has `full_area`, people
//! being about equally tall: that whose rate r is nearest to √(full_area / area) by the ratio of the two; of two
//! equally near the lower: what it holds is surely in the image. \param level_rates
//! Tells::level_rates \param full_area, area pixels, at least 1 and below 2^31: no side of a pack
//! or of an image in it is above datasets::kMaxImageSide
inline int level_of_area(const std::vector<int>& level_rates, std::int64_t full_area, std::int64_t area) {
  std::size_t level = level_rates.size();
  // Between the rates a > b of two levels the border is √(ab): no rounding.
  while (level > 1 && full_area >= std::int64_t{level_rates[level - 2]} * level_rates[level - 1] * area) --level;
  return static_cast<int>(level);
}

//! The same for an image shrunk by a rate from one of the highest level. \param rate 1 to 16
inline int level_of_rate(const std::vector<int>& level_rates, int rate) {
  return level_of_area(level_rates, std::int64_t{rate} * rate, 1);
}

}  // namespace resolute::methods
