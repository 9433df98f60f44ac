#pragma once
//! \file
//! How values are spread, as files of an evaluation tell it: percentiles and the mean.

#include <array>
#include <span>

namespace resolute::results {

//! The percentiles that spreads are told by.
inline constexpr std::array<int, 5> kSpreadPercentiles = {5, 25, 50, 75, 95};

//! Values of one kind, in their own unit.
struct Spread {
  std::array<double, kSpreadPercentiles.size()> percentiles{};  //!< ascending
  double mean = 0;
  bool operator==(const Spread&) const = default;
};

//! The p-th percentile of n values stands at place p (n - 1) / 100 of them in ascending order, counted from 0; between
//! two places it is interpolated linearly. The mean is summed in the order given. Zeros for none.
//! \param values finite; left in another order
Spread spread_of(std::span<double> values);

}  // namespace resolute::results
